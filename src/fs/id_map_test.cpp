#include "fs/id_map.h"

#include <gtest/gtest.h>

namespace nineroot::fs {
namespace {

IdMap parsed(const std::vector<std::string>& rules) {
  auto map = IdMap::parse(rules);
  EXPECT_TRUE(map) << (map ? "" : map.error().text());
  return map ? *map : IdMap{};
}

TEST(IdMap, LeavesIdsWithoutARule) {
  const IdMap map = parsed({});
  EXPECT_TRUE(map.is_identity());
  EXPECT_EQ(map.to_host(IdKind::uid, 1000), 1000U);
  EXPECT_EQ(map.to_guest(IdKind::gid, 4294967294U), 4294967294U);
}

TEST(IdMap, MapsARangeBothWays) {
  const IdMap map = parsed({"map:0:100000:65536"});
  EXPECT_EQ(map.to_host(IdKind::uid, 0), 100000U);
  EXPECT_EQ(map.to_host(IdKind::gid, 65535), 165535U);
  EXPECT_EQ(map.to_host(IdKind::uid, 65536), 65536U);
  EXPECT_EQ(map.to_guest(IdKind::uid, 100000), 0U);
  EXPECT_EQ(map.to_guest(IdKind::uid, 99999), 99999U);
}

TEST(IdMap, KeepsKindsApart) {
  const IdMap map = parsed({"uid:map:0:1000:1", "gid:map:0:100:1"});
  EXPECT_EQ(map.to_host(IdKind::uid, 0), 1000U);
  EXPECT_EQ(map.to_host(IdKind::gid, 0), 100U);
}

TEST(IdMap, TranslatesOneWayOnly) {
  const IdMap map = parsed({"guest:5:50:1", "host:60:6:1"});
  EXPECT_EQ(map.to_host(IdKind::uid, 5), 50U);
  EXPECT_EQ(map.to_guest(IdKind::uid, 50), 50U);
  EXPECT_EQ(map.to_guest(IdKind::uid, 60), 6U);
  EXPECT_EQ(map.to_host(IdKind::uid, 6), 6U);
}

TEST(IdMap, SquashesManyIntoOne) {
  const IdMap map = parsed({"squash-guest:0:1000:4294967295", "squash-host:1000:0:500"});
  EXPECT_EQ(map.to_host(IdKind::uid, 77), 1000U);
  EXPECT_EQ(map.to_guest(IdKind::uid, 1499), 0U);
  EXPECT_EQ(map.to_guest(IdKind::uid, 1500), 1500U);
}

TEST(IdMap, ForbidsAndHides) {
  const IdMap map = parsed({"forbid-guest:0:1000"});
  EXPECT_EQ(map.to_host(IdKind::uid, 999), fail(EPERM));
  EXPECT_EQ(map.to_host(IdKind::uid, 1000), 1000U);
  EXPECT_EQ(map.to_guest(IdKind::gid, 0), kNobody);
}

TEST(IdMap, TakesSquashOwnerBesideOthers) {
  const IdMap map = parsed({"squash-owner", "uid:map:1000:2000:1"});
  EXPECT_TRUE(map.squashes_owner());
  EXPECT_EQ(map.to_host(IdKind::uid, 1000), 2000U);
}

TEST(IdMap, RefusesWhatItCannotMean) {
  for (const std::string rule :
       {"", "map", "map:0:1", "map:0:1:2:3", "map:a:1:2", "map:0:1:0", "map:-1:0:1",
        "map:4294967295:0:1", "map:0:4294967290:6", "forbid-guest:0", "squash", "uid:squash-owner",
        "uid", "gid:", "map:0:1:1 ", "squash-guest:0:4294967295:1"}) {
    const auto map = IdMap::parse(std::vector{rule});
    ASSERT_FALSE(map) << rule;
    EXPECT_TRUE(map.error().is_usage()) << rule;
    EXPECT_FALSE(map.error().hint().empty());
  }
}

TEST(IdMap, RefusesOverlaps) {
  for (const std::vector<std::string>& rules :
       {std::vector<std::string>{"map:0:1000:10", "map:9:2000:1"},
        {"map:0:1000:10", "map:20:1009:1"},
        {"forbid-guest:5:5", "squash-guest:0:1:6"},
        {"map:0:1000:1", "uid:map:0:1:1"}}) {
    EXPECT_FALSE(IdMap::parse(rules)) << rules[1];
  }
  parsed({"map:0:1000:10", "map:10:2000:1", "uid:forbid-guest:50:1", "gid:squash-guest:50:1:1"});
}

}  // namespace
}  // namespace nineroot::fs
