#include "fs/inode_numbers.h"

#include <fcntl.h>

#include <set>

#include <gtest/gtest.h>

#include "base/unique_fd.h"

namespace nineroot::fs {
namespace {

TEST(InodeNumbers, RootFileSystemKeepsTheHostsNumbers) {
  InodeNumbers numbers(7);
  const UniqueFd root(::open("/", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(numbers.number(7, 1234, root.get()), 1234U);
}

TEST(InodeNumbers, OtherFileSystemsNeverCollide) {
  InodeNumbers numbers(7);
  const UniqueFd root(::open("/", O_RDONLY | O_CLOEXEC));
  const UniqueFd proc(::open("/proc", O_RDONLY | O_CLOEXEC));
  const auto a = numbers.number(7, 1, root.get());
  const auto b = numbers.number(8, 1, root.get());
  // The same fsid seen under another device number: hashed alike, told apart all the same.
  const auto c = numbers.number(9, 1, root.get());
  const auto d = numbers.number(10, 1, proc.get());
  EXPECT_EQ(std::set<std::uint64_t>({*a, *b, *c, *d}).size(), 4U);
}

TEST(InodeNumbers, AreTheSameInEveryRun) {
  const UniqueFd root(::open("/", O_RDONLY | O_CLOEXEC));
  InodeNumbers first(7);
  InodeNumbers second(7);
  EXPECT_EQ(first.number(8, 42, root.get()), second.number(8, 42, root.get()));
}

TEST(InodeNumbers, LargeInodeNumbersAreToldApart) {
  InodeNumbers numbers(7);
  const UniqueFd root(::open("/", O_RDONLY | O_CLOEXEC));
  const std::uint64_t large = (std::uint64_t{5} << 48U) | 99;
  EXPECT_NE(numbers.number(7, large, root.get()), numbers.number(7, 99, root.get()));
  EXPECT_LT(*numbers.number(7, UINT64_MAX, root.get()), UINT64_MAX - 1);
}

}  // namespace
}  // namespace nineroot::fs
