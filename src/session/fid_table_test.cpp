#include "session/fid_table.h"

#include <gtest/gtest.h>

namespace nineroot::session {
namespace {

Fid fid_of(std::uint32_t uid) {
  return {.node = {}, .uid = uid};
}

std::uint32_t uid_at(FidTable& table, std::uint32_t number) {
  const auto fid = table.get(number);
  return fid ? (*fid)->uid.value_or(0) : 0;
}

TEST(FidTable, UnknownFidIsEbadf) {
  FidTable table;
  EXPECT_EQ(table.get(1).error(), Errno{EBADF});
  EXPECT_EQ(table.take(1).error(), Errno{EBADF});
}

TEST(FidTable, AnyNumberIsGood) {
  FidTable table;
  for (const std::uint32_t number : {0U, 1U, 0x80000000U, 0xfffffffeU}) {
    ASSERT_TRUE(table.put(number, fid_of(number + 1)));
  }
  for (const std::uint32_t number : {0U, 1U, 0x80000000U, 0xfffffffeU}) {
    EXPECT_EQ(uid_at(table, number), number + 1);
  }
}

TEST(FidTable, ANumberThatIsThereIsReplaced) {
  FidTable table;
  ASSERT_TRUE(table.put(5, fid_of(1)));
  ASSERT_TRUE(table.put(5, fid_of(2)));
  EXPECT_EQ(uid_at(table, 5), 2U);
  EXPECT_EQ(table.size(), 1U);
}

TEST(FidTable, PointersAreGoodWhileOthersCome) {
  FidTable table;
  ASSERT_TRUE(table.put(7, fid_of(7)));
  const Fid* const fid = *table.get(7);
  for (std::uint32_t number = 10; number < 10'000; ++number) {
    ASSERT_TRUE(table.put(number, fid_of(number)));
  }
  EXPECT_EQ(*table.get(7), fid);
  EXPECT_EQ(fid->uid, 7U);
}

TEST(FidTable, FewThatAreLeftOfManyAreStillThere) {
  FidTable table;
  constexpr std::uint32_t kMany = 10'000;
  for (std::uint32_t number = 0; number < kMany; ++number) {
    ASSERT_TRUE(table.put(number, fid_of(number + 1)));
  }
  for (std::uint32_t number = 0; number < kMany; ++number) {
    if (number % 100 != 0) {
      ASSERT_EQ(table.take(number)->uid, number + 1);
    }
  }
  EXPECT_EQ(table.size(), 100U);
  for (std::uint32_t number = 0; number < kMany; ++number) {
    EXPECT_EQ(uid_at(table, number), number % 100 == 0 ? number + 1 : 0);
  }
  ASSERT_TRUE(table.put(1, fid_of(5)));
  EXPECT_EQ(uid_at(table, 1), 5U);
}

TEST(FidTable, TakenPlacesAreUsedAgain) {
  FidTable table;
  ASSERT_TRUE(table.put(0, fid_of(9)));
  ASSERT_TRUE(table.put(1, fid_of(1)));
  const Fid* const place = *table.get(1);
  EXPECT_EQ(table.take(1)->uid, 1U);
  EXPECT_EQ(table.get(1).error(), Errno{EBADF});
  ASSERT_TRUE(table.put(2, fid_of(2)));
  EXPECT_EQ(*table.get(2), place);
  EXPECT_EQ(uid_at(table, 0), 9U);
}

/// So that a guest which chooses its numbers badly has no more than its own bad luck.
TEST(FidTable, NumbersFarApartAreFound) {
  FidTable table;
  constexpr std::uint32_t kStep = 1U << 20U;
  for (std::uint32_t i = 0; i < 4096; ++i) {
    ASSERT_TRUE(table.put(i * kStep, fid_of(i + 1)));
  }
  for (std::uint32_t i = 0; i < 4096; ++i) {
    ASSERT_EQ(uid_at(table, i * kStep), i + 1);
  }
}

TEST(FidTable, IsEmptyAfterClear) {
  FidTable table;
  ASSERT_TRUE(table.put(1, fid_of(1)));
  table.clear();
  EXPECT_EQ(table.size(), 0U);
  EXPECT_EQ(table.get(1).error(), Errno{EBADF});
  ASSERT_TRUE(table.put(1, fid_of(3)));
  EXPECT_EQ(uid_at(table, 1), 3U);
}

/// A Fid is what a guest holds most of.
static_assert(sizeof(Fid) <= 48);

}  // namespace
}  // namespace nineroot::session
