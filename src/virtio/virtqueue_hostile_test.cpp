// Rings that lie: each defect is noticed, named, and stops the ring without harm.
#include <string_view>

#include <gtest/gtest.h>

#include "tests/support/driver_sim.h"
#include "tests/support/guest_ram.h"
#include "virtio/virtqueue.h"

namespace nineroot::virtio {
namespace {

using test::DriverSim;
using test::GuestRam;

constexpr std::uint64_t kMaxBytes = 1U << 20U;
constexpr std::uint16_t kSize = 16;
constexpr std::uint64_t kTable = 0x300000;

class HostileRing : public testing::Test {
 protected:
  void SetUp() override {
    for (const MemoryRegion& region : ram_.regions()) {
      ASSERT_TRUE(memory_.add(region, ram_.fd()));
    }
    queue_.start(ring(), 0, true);
  }

  [[nodiscard]] RingMemory ring() {
    const auto at = [&](std::uint64_t address) {
      return memory_.at_user_address(ram_.user_address(address), 1);
    };
    return {.descriptors = at(driver_.descriptor_address()),
            .avail = at(driver_.avail_address()),
            .used = at(driver_.used_address()),
            .size = kSize};
  }

  /// What the queue says of the chain at head 0.
  [[nodiscard]] std::optional<RingDefect> defect_of_head_0() {
    driver_.offer(0);
    EXPECT_FALSE(queue_.pop());
    return queue_.defect();
  }

  void put(std::uint16_t index, std::uint64_t address, std::uint32_t length, unsigned flags,
           std::uint16_t next = 0) {
    driver_.put_descriptor(index, {.address = address,
                                   .length = length,
                                   .flags = static_cast<std::uint16_t>(flags),
                                   .next = next});
  }

  void put_in_table(std::uint16_t index, const Descriptor& descriptor) {
    ram_.write(kTable + index * sizeof(Descriptor), std::as_bytes(std::span(&descriptor, 1)));
  }

  GuestRam ram_ = GuestRam::pc();
  GuestMemory memory_;
  DriverSim driver_{ram_, {.size = kSize}};
  Virtqueue queue_{memory_, kMaxBytes};
};

TEST_F(HostileRing, AvailIndexBeyondTheRing) {
  driver_.set_avail_index(kSize + 1);
  EXPECT_FALSE(queue_.pop());
  EXPECT_EQ(queue_.defect(), RingDefect::avail_index_jump);
}

TEST_F(HostileRing, AvailIndexThatGoesBack) {
  driver_.set_avail_index(65535);
  EXPECT_FALSE(queue_.pop());
  EXPECT_EQ(queue_.defect(), RingDefect::avail_index_jump);
}

TEST_F(HostileRing, HeadOutsideTheRing) {
  driver_.offer(kSize);
  EXPECT_FALSE(queue_.pop());
  EXPECT_EQ(queue_.defect(), RingDefect::head_out_of_range);
}

TEST_F(HostileRing, SameHeadTwice) {
  put(3, 0x5000, 16, 0);
  driver_.offer(3);
  ASSERT_TRUE(queue_.pop());
  driver_.offer(3);
  EXPECT_FALSE(queue_.pop());
  EXPECT_EQ(queue_.defect(), RingDefect::head_in_flight);
}

TEST_F(HostileRing, SameHeadAgainAfterItWasUsedIsFine) {
  put(3, 0x5000, 16, 0);
  for (int i = 0; i < 3; ++i) {
    driver_.offer(3);
    const auto chain = queue_.pop();
    ASSERT_TRUE(chain);
    queue_.push(chain->head, 0);
  }
}

TEST_F(HostileRing, NextOutsideTheTable) {
  put(0, 0x5000, 16, kDescNext, kSize);
  EXPECT_EQ(defect_of_head_0(), RingDefect::next_out_of_range);
}

TEST_F(HostileRing, Loop) {
  put(0, 0x5000, 16, kDescNext, 1);
  put(1, 0x5000, 16, kDescNext, 0);
  EXPECT_EQ(defect_of_head_0(), RingDefect::chain_too_long);
}

TEST_F(HostileRing, LoopOfEmptyBuffers) {
  put(0, 0, 0, kDescNext, 0);
  EXPECT_EQ(defect_of_head_0(), RingDefect::chain_too_long);
}

TEST_F(HostileRing, ALargeRingHasNoLongerChainsThanASmallOne) {
  DriverSim large(ram_, {.size = 2048, .has_indirect = false});
  const auto at = [&](std::uint64_t address) {
    return memory_.at_user_address(ram_.user_address(address), 1);
  };
  queue_.start({.descriptors = at(large.descriptor_address()),
                .avail = at(large.avail_address()),
                .used = at(large.used_address()),
                .size = 2048},
               0, true);
  const Descriptor one{.address = 0x5000, .length = 1, .flags = 0, .next = 0};
  large.submit_chain(std::vector<Descriptor>(1024, one));
  const auto chain = queue_.pop();
  ASSERT_TRUE(chain);
  EXPECT_EQ(chain->readable.size(), 1024U);
  queue_.push(chain->head, 0);
  ASSERT_TRUE(large.take());
  large.submit_chain(std::vector<Descriptor>(1025, one));
  EXPECT_FALSE(queue_.pop());
  EXPECT_EQ(queue_.defect(), RingDefect::chain_too_long);
}

TEST_F(HostileRing, ReadableAfterWritable) {
  put(0, 0x5000, 16, kDescWrite | kDescNext, 1);
  put(1, 0x6000, 16, 0);
  EXPECT_EQ(defect_of_head_0(), RingDefect::readable_after_writable);
}

TEST_F(HostileRing, AddressThatWraps) {
  put(0, ~std::uint64_t{0} - 4, 16, 0);
  EXPECT_EQ(defect_of_head_0(), RingDefect::address_overflow);
}

TEST_F(HostileRing, MoreBytesThanAnyMessage) {
  put(0, 0x1000000, kMaxBytes / 2, kDescNext, 1);
  put(1, 0x1000000, kMaxBytes / 2, kDescNext | kDescWrite, 2);
  put(2, 0x1000000, 1, kDescWrite);
  EXPECT_EQ(defect_of_head_0(), RingDefect::too_many_bytes);
}

TEST_F(HostileRing, IndirectBehindAnotherDescriptor) {
  put(0, 0x5000, 16, kDescNext, 1);
  put(1, kTable, 16, kDescIndirect);
  EXPECT_EQ(defect_of_head_0(), RingDefect::indirect_nested);
}

TEST_F(HostileRing, IndirectInIndirect) {
  put_in_table(0, {.address = kTable, .length = 16, .flags = kDescIndirect, .next = 0});
  put(0, kTable, 16, kDescIndirect);
  EXPECT_EQ(defect_of_head_0(), RingDefect::indirect_nested);
}

TEST_F(HostileRing, IndirectWithNext) {
  put(0, kTable, 16, kDescIndirect | kDescNext, 1);
  EXPECT_EQ(defect_of_head_0(), RingDefect::indirect_with_next);
}

TEST_F(HostileRing, IndirectTableOfImpossibleLength) {
  for (const std::uint32_t length : {0U, 15U, 17U, 16U * 1025U, 0xfffffff0U}) {
    put(0, kTable, length, kDescIndirect);
    driver_.set_avail_index(0);
    queue_.start(ring(), 0, true);
    EXPECT_EQ(defect_of_head_0(), RingDefect::indirect_bad_length) << length;
  }
}

TEST_F(HostileRing, IndirectTableOfTheLargestLengthIsFine) {
  for (std::uint16_t i = 0; i < 1024; ++i) {
    put_in_table(i, {.address = 0x5000 + i * 2U,
                     .length = 1,
                     .flags = static_cast<std::uint16_t>(i < 1023 ? kDescNext : 0),
                     .next = static_cast<std::uint16_t>(i + 1)});
  }
  put(0, kTable, 16 * 1024, kDescIndirect);
  driver_.offer(0);
  const auto chain = queue_.pop();
  ASSERT_TRUE(chain);
  EXPECT_EQ(chain->readable.size(), 1024U);
}

TEST_F(HostileRing, IndirectTableOutsideMemory) {
  put(0, test::kHole - 16, 32, kDescIndirect);
  EXPECT_EQ(defect_of_head_0(), RingDefect::indirect_unmapped);
  queue_.resume(ring());
  put(0, ~std::uint64_t{0} - 15, 32, kDescIndirect);
  EXPECT_FALSE(queue_.pop());
  EXPECT_EQ(queue_.defect(), RingDefect::indirect_unmapped);
}

TEST_F(HostileRing, NextOutsideTheIndirectTable) {
  put_in_table(0, {.address = 0x5000, .length = 16, .flags = kDescNext, .next = 2});
  put_in_table(1, {.address = 0x5000, .length = 16, .flags = 0, .next = 0});
  put_in_table(2, {.address = 0x5000, .length = 16, .flags = 0, .next = 0});
  put(0, kTable, 32, kDescIndirect);
  EXPECT_EQ(defect_of_head_0(), RingDefect::next_out_of_range);
}

TEST_F(HostileRing, LoopInTheIndirectTable) {
  put_in_table(0, {.address = 0x5000, .length = 16, .flags = kDescNext, .next = 0});
  put(0, kTable, 16, kDescIndirect);
  EXPECT_EQ(defect_of_head_0(), RingDefect::chain_too_long);
}

TEST_F(HostileRing, NothingIsTakenFromABrokenRingUntilItIsResumed) {
  put(0, 0x5000, 16, kDescNext, kSize);
  EXPECT_TRUE(defect_of_head_0());
  put(0, 0x5000, 16, 0);
  EXPECT_FALSE(queue_.pop());
  queue_.resume(ring());
  EXPECT_TRUE(queue_.pop()) << "the index did not move past the bad chain";
}

TEST_F(HostileRing, EveryDefectHasItsSentence) {
  for (int i = 0; i <= static_cast<int>(RingDefect::ring_unmapped); ++i) {
    EXPECT_NE(describe(static_cast<RingDefect>(i)), "unknown");
  }
}

}  // namespace
}  // namespace nineroot::virtio
