#include "base/result.h"

#include <gtest/gtest.h>

namespace nineroot {
namespace {

Result<int> half(int value) {
  if (value % 2 != 0) {
    return fail(EDOM);
  }
  return value / 2;
}

Result<int> quarter(int value) {
  int first = TRY(half(value));
  return half(first);
}

TEST(Result, TryPassesTheValueOn) {
  EXPECT_EQ(quarter(8), 2);
}

TEST(Result, TryReturnsTheError) {
  auto result = quarter(6);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error(), Errno{EDOM});
}

TEST(Result, ErrnoIsNamedForPeopleAndForTraces) {
  EXPECT_EQ(errno_name(Errno{ENOENT}), "ENOENT");
  EXPECT_EQ(errno_name(Errno{4000}), "4000");
  EXPECT_EQ(describe(Errno{ENOENT}), "No such file or directory (ENOENT)");
}

}  // namespace
}  // namespace nineroot
