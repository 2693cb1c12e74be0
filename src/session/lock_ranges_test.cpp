#include "session/lock_ranges.h"

#include <gtest/gtest.h>

namespace nineroot::session {
namespace {

using fs::LockLevel;
using fs::LockRange;

constexpr LockRange kWhole{};

struct Change {
  LockRange range;
  LockLevel before;
  LockLevel after;

  bool operator==(const Change&) const = default;
};

std::vector<Change> changes(const LockRanges& before, const LockRanges& after) {
  std::vector<Change> result;
  for (const auto& segment : before.changes(after)) {
    result.push_back({segment.range, segment.before, segment.after});
  }
  return result;
}

TEST(LockRanges, TakesAndGivesBackARange) {
  const LockRanges none;
  const LockRanges one = none.after({1, 7}, LockLevel::exclusive, {10, 19});
  EXPECT_EQ(changes(none, one),
            (std::vector<Change>{{{10, 19}, LockLevel::none, LockLevel::exclusive}}));
  const LockRanges hole = one.after({1, 7}, LockLevel::none, {12, 13});
  EXPECT_EQ(changes(one, hole),
            (std::vector<Change>{{{12, 13}, LockLevel::exclusive, LockLevel::none}}));
  EXPECT_EQ(hole.size(), 2U);
  EXPECT_EQ(hole.after({1, 7}, LockLevel::none, kWhole).size(), 0U);
}

TEST(LockRanges, KeepsWhatAnotherReaderHolds) {
  const LockRanges both = LockRanges()
                              .after({1, 7}, LockLevel::shared, {0, 9})
                              .after({2, 8}, LockLevel::shared, {5, 14});
  const LockRanges left = both.after({1, 7}, LockLevel::none, {0, 9});
  EXPECT_EQ(changes(both, left),
            (std::vector<Change>{{{0, 4}, LockLevel::shared, LockLevel::none}}));
}

TEST(LockRanges, ReplacesWhatTheProcessHoldsByAnotherFid) {
  const LockRanges one = LockRanges().after({1, 7}, LockLevel::exclusive, {0, 9});
  const LockRanges weaker = one.after({2, 7}, LockLevel::shared, {0, 9});
  EXPECT_EQ(changes(one, weaker),
            (std::vector<Change>{{{0, 9}, LockLevel::exclusive, LockLevel::shared}}));
  EXPECT_EQ(weaker.after({3, 7}, LockLevel::none, kWhole).size(), 0U);
}

TEST(LockRanges, KeepsAFlockOfAnotherOpenFile) {
  const LockRanges both = LockRanges()
                              .after({1, 7}, LockLevel::shared, kWhole)
                              .after({2, 7}, LockLevel::shared, kWhole);
  EXPECT_EQ(both.size(), 2U);
  const LockRanges left = both.after({2, 7}, LockLevel::none, kWhole);
  EXPECT_EQ(left.whole(), LockLevel::shared);
  EXPECT_TRUE(both.changes(left).empty());
  EXPECT_EQ(left.after({1, 7}, LockLevel::none, kWhole).size(), 0U);
}

TEST(LockRanges, UnlocksForTheProcessThatClosesLast) {
  const LockRanges one = LockRanges().after({1, 7}, LockLevel::exclusive, kWhole);
  EXPECT_EQ(one.after({1, 99}, LockLevel::none, kWhole).size(), 0U);
  // By a fid that holds nothing itself, as fcntl(2) does when any descriptor is closed.
  EXPECT_EQ(one.after({2, 7}, LockLevel::none, kWhole).size(), 0U);
}

TEST(LockRanges, KeepsOpenFileLocksApart) {
  const LockRanges one = LockRanges().after({1, UINT32_MAX}, LockLevel::shared, {0, 9});
  EXPECT_EQ(one.after({2, UINT32_MAX}, LockLevel::none, {0, 9}).size(), 1U);
}

TEST(LockRanges, ForgetsAFid) {
  const LockRanges both = LockRanges()
                              .after({1, 7}, LockLevel::exclusive, {0, 9})
                              .after({2, 8}, LockLevel::exclusive, {10, LockRange::kLastByte});
  EXPECT_EQ(
      changes(both, both.without(2)),
      (std::vector<Change>{{{10, LockRange::kLastByte}, LockLevel::exclusive, LockLevel::none}}));
}

}  // namespace
}  // namespace nineroot::session
