#include "fs/acl_ids.h"

#include <gtest/gtest.h>

namespace nineroot::fs {
namespace {

std::vector<std::byte> bytes(std::initializer_list<int> values) {
  std::vector<std::byte> result;
  for (const int value : values) {
    result.push_back(static_cast<std::byte>(value));
  }
  return result;
}

/// user::rwx user:1000:r-- group::r-x group:1000:r-x mask::rwx other::r--
const std::vector<std::byte> kGuestAcl =
    bytes({2,  0, 0, 0,                                                      //
           1,  0, 7, 0, 255, 255, 255, 255, 2,  0, 4, 0, 0xe8, 3,   0,   0,  //
           4,  0, 5, 0, 255, 255, 255, 255, 8,  0, 5, 0, 0xe8, 3,   0,   0,  //
           16, 0, 7, 0, 255, 255, 255, 255, 32, 0, 4, 0, 255,  255, 255, 255});

TEST(AclIds, TranslatesNamedUsersAndGroups) {
  const IdMap map =
      *IdMap::parse(std::vector<std::string>{"uid:map:1000:2000:1", "gid:map:1000:3000:1"});
  const auto host = acl_to_host(map, kGuestAcl);
  ASSERT_TRUE(host);
  std::vector<std::byte> expected = kGuestAcl;
  expected[16] = std::byte{0xd0};  // 2000
  expected[17] = std::byte{7};
  expected[32] = std::byte{0xb8};  // 3000
  expected[33] = std::byte{0xb};
  EXPECT_EQ(*host, expected);
  EXPECT_EQ(acl_to_guest(map, *host), kGuestAcl);
}

TEST(AclIds, RefusesForbiddenIds) {
  const IdMap map = *IdMap::parse(std::vector<std::string>{"gid:forbid-guest:1000:1"});
  EXPECT_EQ(acl_to_host(map, kGuestAcl), fail(EPERM));
}

TEST(AclIds, RefusesWhatIsNoAcl) {
  const IdMap map = *IdMap::parse(std::vector<std::string>{"map:0:1:1"});
  for (const auto& value :
       {bytes({}), bytes({2, 0, 0}), bytes({3, 0, 0, 0}), bytes({2, 0, 0, 0, 1, 0, 7, 0, 1})}) {
    EXPECT_EQ(acl_to_host(map, value), fail(EINVAL));
    EXPECT_EQ(acl_to_guest(map, value), value);
  }
  EXPECT_TRUE(acl_to_host(map, bytes({2, 0, 0, 0})));
}

}  // namespace
}  // namespace nineroot::fs
