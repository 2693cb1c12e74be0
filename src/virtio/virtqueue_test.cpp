#include "virtio/virtqueue.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/support/driver_sim.h"
#include "tests/support/guest_ram.h"

namespace nineroot::virtio {
namespace {

using test::Cuts;
using test::DriverOptions;
using test::DriverSim;
using test::GuestRam;

constexpr std::uint64_t kMaxBytes = 1U << 20U;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

std::string text_of(const IoVecs& bytes) {
  std::string text(bytes.size(), '\0');
  bytes.read(0, std::as_writable_bytes(std::span(text)));
  return text;
}

std::string text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// A driver and a device on one thread.
struct Pair {
  explicit Pair(DriverOptions options = {}) : driver(ram, options) {
    for (const MemoryRegion& region : ram.regions()) {
      EXPECT_TRUE(memory.add(region, ram.fd()));
    }
    queue.start(ring(), options.first_index, options.has_event_idx);
  }

  [[nodiscard]] RingMemory ring() {
    return {.descriptors = at(driver.descriptor_address()),
            .avail = at(driver.avail_address()),
            .used = at(driver.used_address()),
            .size = driver.options().size};
  }

  [[nodiscard]] std::byte* at(std::uint64_t address) {
    return memory.at_user_address(ram.user_address(address), 1);
  }

  /// Answers one request with its own bytes.
  bool echo() {
    auto chain = queue.pop();
    if (!chain) {
      return false;
    }
    const std::string text = text_of(chain->readable);
    const std::size_t written = chain->writable.write(0, bytes_of(text));
    queue.push(chain->head, static_cast<std::uint32_t>(written));
    return true;
  }

  GuestRam ram = GuestRam::pc();
  GuestMemory memory;
  DriverSim driver;
  Virtqueue queue{memory, kMaxBytes};
};

class EachForm : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Virtqueue, EachForm, testing::Values(false, true),
                         [](const auto& form) { return form.param ? "Indirect" : "Direct"; });

TEST_P(EachForm, EchoesOverAnyCutOfTheBuffers) {
  Pair pair({.has_indirect = GetParam()});
  for (std::size_t cut = 1; cut < 12; ++cut) {
    const auto head = pair.driver.submit(bytes_of("hello, world"), 12, {{cut}, {12 - cut}});
    ASSERT_TRUE(pair.echo());
    const auto done = pair.driver.take();
    ASSERT_TRUE(done);
    EXPECT_EQ(done->head, head);
    EXPECT_EQ(text_of(done->reply), "hello, world");
  }
}

TEST_P(EachForm, MergesBuffersThatAreNeighbours) {
  Pair pair({.has_indirect = GetParam()});
  pair.driver.submit(bytes_of("0123456789"), 10, {{1, 1, 1}, {2, 2}});
  const auto chain = pair.queue.pop();
  ASSERT_TRUE(chain);
  EXPECT_EQ(chain->readable.pieces().size(), 1U);
  EXPECT_EQ(chain->writable.pieces().size(), 1U);
}

TEST_P(EachForm, BuffersMayStraddleTwoRegions) {
  Pair pair({.buffer_address = test::kSeam - 5, .has_indirect = GetParam()});
  pair.driver.submit(bytes_of("0123456789"), 10);
  ASSERT_TRUE(pair.echo());
  EXPECT_EQ(text_of(pair.driver.take()->reply), "0123456789");
}

TEST_P(EachForm, IndicesWrapAt65536) {
  Pair pair({.size = 8, .first_index = 65530, .has_indirect = GetParam()});
  for (int i = 0; i < 20; ++i) {
    const std::string text = "request " + std::to_string(i);
    pair.driver.submit(bytes_of(text), 32);
    ASSERT_TRUE(pair.echo());
    ASSERT_FALSE(pair.echo());
    ASSERT_EQ(text_of(pair.driver.take()->reply), text);
  }
  EXPECT_EQ(pair.queue.last_avail(), static_cast<std::uint16_t>(65530 + 20));
  EXPECT_FALSE(pair.queue.defect());
}

class EachSize : public testing::TestWithParam<std::uint16_t> {};
INSTANTIATE_TEST_SUITE_P(Virtqueue, EachSize, testing::Values(1, 2, 128, 1024, 32768));

TEST_P(EachSize, AFullRingIsServedAndRefilled) {
  Pair pair({.size = GetParam(), .first_index = 65535, .buffer_bytes = 64});
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < GetParam(); ++i) {
      pair.driver.submit(bytes_of("x"), 11);
    }
    for (int i = 0; i < GetParam(); ++i) {
      ASSERT_TRUE(pair.echo());
    }
    ASSERT_FALSE(pair.echo());
    for (int i = 0; i < GetParam(); ++i) {
      ASSERT_TRUE(pair.driver.take());
    }
    ASSERT_FALSE(pair.driver.take());
  }
}

TEST(Virtqueue, IndirectTableMayStraddleTwoRegions) {
  // Three descriptors of 16 bytes at the end of the buffer: the seam is in the second one.
  Pair pair({.buffer_address = test::kSeam - 0x1000 + 24, .buffer_bytes = 0x1000});
  pair.driver.submit(bytes_of("0123456789"), 10, {{3}, {}});
  ASSERT_TRUE(pair.echo());
  EXPECT_EQ(text_of(pair.driver.take()->reply), "0123456789");
}

TEST(Virtqueue, IndirectTableMayBeLargerThanTheRing) {
  Pair pair({.size = 2});
  Cuts cuts;
  cuts.readable.assign(127, 1);
  const std::string text(128, 'r');
  pair.driver.submit(bytes_of(text), 128, cuts);
  ASSERT_TRUE(pair.echo());
  EXPECT_EQ(text_of(pair.driver.take()->reply), text);
}

TEST(Virtqueue, RepliesMayComeInAnyOrder) {
  Pair pair;
  const auto first = pair.driver.submit(bytes_of("a"), 11);
  const auto second = pair.driver.submit(bytes_of("b"), 11);
  ASSERT_TRUE(pair.queue.pop());
  ASSERT_TRUE(pair.queue.pop());
  EXPECT_EQ(pair.queue.in_flight(), 2U);
  pair.queue.push(second, 0);
  pair.queue.push(first, 0);
  EXPECT_EQ(pair.driver.take()->head, second);
  EXPECT_EQ(pair.driver.take()->head, first);
  EXPECT_EQ(pair.queue.in_flight(), 0U);
}

TEST(Virtqueue, AChainInFlightCanBeWalkedAgain) {
  Pair pair;
  const auto head = pair.driver.submit(bytes_of("request"), 20);
  ASSERT_TRUE(pair.queue.pop());
  const auto again = pair.queue.walk_again(head);
  ASSERT_TRUE(again);
  EXPECT_EQ(text_of(again->readable), "request");
  EXPECT_EQ(again->writable.size(), 20U);
}

TEST(Virtqueue, UnsharedMemoryIsLeftOutFromTheHoleOn) {
  Pair pair;
  pair.driver.submit_chain({{.address = test::kHole - 4, .length = 8, .flags = 0, .next = 0},
                            {.address = 0x5000, .length = 8, .flags = 0, .next = 0},
                            {.address = 0x6000, .length = 8, .flags = kDescWrite, .next = 0},
                            {.address = test::kHole, .length = 8, .flags = kDescWrite, .next = 0}});
  const auto chain = pair.queue.pop();
  ASSERT_TRUE(chain);
  EXPECT_FALSE(chain->readable_is_whole);
  EXPECT_EQ(chain->readable.size(), 4U);
  EXPECT_FALSE(chain->writable_is_whole);
  EXPECT_EQ(chain->writable.size(), 8U);
}

TEST(Virtqueue, ResumeKeepsWhatIsInFlight) {
  Pair pair;
  const auto head = pair.driver.submit(bytes_of("a"), 11);
  ASSERT_TRUE(pair.queue.pop());
  pair.queue.resume(pair.ring());
  EXPECT_EQ(pair.queue.in_flight(), 1U);
  EXPECT_FALSE(pair.queue.pop());
  pair.queue.push(head, 0);
  EXPECT_EQ(pair.driver.take()->head, head);
}

}  // namespace
}  // namespace nineroot::virtio
