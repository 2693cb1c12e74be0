#include "virtio/guest_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <limits>

#include <gtest/gtest.h>

#include "tests/support/guest_ram.h"

namespace nineroot::virtio {
namespace {

using test::GuestRam;
using test::kAfterHole;
using test::kHole;
using test::kSeam;

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();

class GuestMemoryTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const MemoryRegion& region : ram_.regions()) {
      ASSERT_TRUE(memory_.add(region, ram_.fd()));
    }
  }

  [[nodiscard]] int add_error(const MemoryRegion& region) {
    const auto added = memory_.add(region, ram_.fd());
    return added ? 0 : code(added.error());
  }

  GuestRam ram_ = GuestRam::pc();
  GuestMemory memory_;
};

TEST_F(GuestMemoryTest, TranslatesAGuestAddressToWhatTheGuestWrote) {
  *ram_.at(0x123456) = std::byte{0x77};
  IoVecs found;
  ASSERT_TRUE(memory_.translate(0x123456, 1, found));
  std::byte got{};
  EXPECT_EQ(found.read(0, {&got, 1}), 1U);
  EXPECT_EQ(got, std::byte{0x77});
}

TEST_F(GuestMemoryTest, SplitsWhatLiesInTwoRegions) {
  ram_.write(kSeam - 2, std::as_bytes(std::span("abcd", 4)));
  IoVecs found;
  ASSERT_TRUE(memory_.translate(kSeam - 2, 4, found));
  EXPECT_EQ(found.pieces().size(), 2U);
  std::array<char, 4> got{};
  found.read(0, std::as_writable_bytes(std::span(got)));
  EXPECT_EQ(std::string_view(got.data(), 4), "abcd");
}

TEST_F(GuestMemoryTest, MergesNeighbours) {
  IoVecs found;
  ASSERT_TRUE(memory_.translate(0x1000, 0x1000, found));
  ASSERT_TRUE(memory_.translate(0x2000, 0x1000, found));
  EXPECT_EQ(found.pieces().size(), 1U);
  EXPECT_EQ(found.size(), 0x2000U);
}

TEST_F(GuestMemoryTest, StopsAtAHole) {
  IoVecs found;
  EXPECT_FALSE(memory_.translate(kHole - 8, 16, found));
  EXPECT_EQ(found.size(), 8U);
  EXPECT_FALSE(memory_.translate(kHole, 1, found));
  EXPECT_FALSE(memory_.translate(kAfterHole - 1, 1, found));
  EXPECT_TRUE(memory_.translate(kAfterHole, 1, found));
  EXPECT_FALSE(memory_.translate(kMax, 1, found));
  EXPECT_FALSE(memory_.translate(ram_.regions().back().guest_address, kMax, found));
}

TEST_F(GuestMemoryTest, FindsUserAddressesInOneRegionOnly) {
  std::byte* at = memory_.at_user_address(ram_.user_address(0x2345), 16);
  ASSERT_NE(at, nullptr);
  *at = std::byte{9};
  EXPECT_EQ(*ram_.at(0x2345), std::byte{9});
  EXPECT_EQ(memory_.at_user_address(0x2345, 1), nullptr) << "that is a guest address";
  const auto& low = ram_.regions().front();
  EXPECT_NE(memory_.at_user_address(low.user_address + low.size - 8, 8), nullptr);
  EXPECT_EQ(memory_.at_user_address(low.user_address + low.size - 8, 9), nullptr);
  EXPECT_EQ(memory_.at_user_address(low.user_address, kMax), nullptr);
}

TEST_F(GuestMemoryTest, RefusesAddressesThatWrap) {
  EXPECT_EQ(add_error({kMax - 0xfff, 0x2000, 0x1000, 0}), EINVAL);
  EXPECT_EQ(add_error({0x100000000, 0x2000, kMax - 0xfff, 0}), EINVAL);
  EXPECT_EQ(add_error({0x100000000, 0x2000, 0x1000, kMax - 0xfff}), EINVAL);
  EXPECT_EQ(add_error({0x100000000, 0, 0x1000, 0}), EINVAL);
}

TEST_F(GuestMemoryTest, RefusesUnalignedAddresses) {
  EXPECT_EQ(add_error({0x100000008, 0x1000, 0x1000, 0}), EINVAL);
  EXPECT_EQ(add_error({0x100000000, 0x1000, 0x1008, 0}), EINVAL);
  EXPECT_EQ(add_error({0x100000000, 0x1000, 0x1000, 8}), EINVAL);
}

TEST_F(GuestMemoryTest, RefusesOverlapsInEitherAddressSpace) {
  const MemoryRegion& high = ram_.regions().back();
  EXPECT_EQ(add_error({high.guest_address + 0x1000, 0x1000, 0x1000, 0}), EEXIST);
  EXPECT_EQ(add_error({0x100000000, 0x1000, high.user_address, 0}), EEXIST);
  EXPECT_EQ(add_error({0x100000000, 0x1000, 0x1000, 0}), 0);
}

TEST_F(GuestMemoryTest, TakesNoMoreThanItsSlots) {
  for (std::size_t i = memory_.region_count(); i < GuestMemory::kMaxRegions; ++i) {
    ASSERT_EQ(add_error({0x100000000 + i * 0x1000, 0x1000, 0x100000 + i * 0x1000, 0}), 0);
  }
  EXPECT_EQ(add_error({0x200000000, 0x1000, 0x1000, 0}), ENOSPC);
}

TEST_F(GuestMemoryTest, RemovesByAddressesAndSizeWhateverTheOffset) {
  MemoryRegion region = ram_.regions().back();
  region.size -= 0x1000;
  EXPECT_EQ(memory_.remove(region).error(), Errno{ENOENT});
  region = ram_.regions().back();
  region.file_offset = 0;
  ASSERT_TRUE(memory_.remove(region));
  IoVecs found;
  EXPECT_FALSE(memory_.translate(kSeam, 1, found));
  EXPECT_EQ(memory_.remove(region).error(), Errno{ENOENT});
}

TEST_F(GuestMemoryTest, AReplacementThatFailsChangesNothing) {
  std::vector<UniqueFd> fds;
  fds.emplace_back(::fcntl(ram_.fd(), F_DUPFD_CLOEXEC, 0));
  fds.emplace_back(::fcntl(ram_.fd(), F_DUPFD_CLOEXEC, 0));
  std::vector<MemoryRegion> regions{{0, 0x1000, 0x1000, 0}, {0x800, 0x1000, 0x8000, 0}};
  EXPECT_EQ(memory_.replace(regions, fds).error(), Errno{EINVAL});
  IoVecs found;
  EXPECT_TRUE(memory_.translate(kSeam, 1, found));
  regions[1].guest_address = 0x1000;
  ASSERT_TRUE(memory_.replace(regions, fds));
  EXPECT_EQ(memory_.region_count(), 2U);
  EXPECT_FALSE(memory_.translate(kSeam, 1, found));
}

}  // namespace
}  // namespace nineroot::virtio
