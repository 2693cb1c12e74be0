#include "storage/posix_acl.h"

#include <gtest/gtest.h>

namespace nineroot::storage {
namespace {

using Tag = AclEntry::Tag;

AclEntry entry(Tag tag, std::uint16_t permissions, std::uint32_t id = 0) {
  return {.tag = tag, .permissions = permissions, .id = id, .name = {}};
}

TEST(PosixAcl, IsEncodedInTheKernelsOrder) {
  const std::string value =
      encode_acl({entry(Tag::other, 0), entry(Tag::user, 4, 1000), entry(Tag::user, 6, 7),
                  entry(Tag::mask, 6), entry(Tag::group_obj, 4), entry(Tag::user_obj, 6)});
  const unsigned char expected[] = {2,    0,    0,    0,  1,    0,    6,    0,    0xff, 0xff, 0xff,
                                    0xff, 2,    0,    6,  0,    7,    0,    0,    0,    2,    0,
                                    4,    0,    0xe8, 3,  0,    0,    4,    0,    4,    0,    0xff,
                                    0xff, 0xff, 0xff, 16, 0,    6,    0,    0xff, 0xff, 0xff, 0xff,
                                    32,   0,    0,    0,  0xff, 0xff, 0xff, 0xff};
  EXPECT_EQ(value, std::string(reinterpret_cast<const char*>(expected), sizeof(expected)));
  EXPECT_TRUE(is_encoded_acl(value));
}

TEST(PosixAcl, GetsTheMaskThatNamedEntriesNeed) {
  const PosixAcl acl = {entry(Tag::user_obj, 7), entry(Tag::group_obj, 1), entry(Tag::group, 4, 5),
                        entry(Tag::other, 0)};
  EXPECT_EQ(encode_acl(acl).size(), 4 + 5 * 8U);
  EXPECT_EQ(mode_with_acl(0100000, acl), 0100750U);
}

TEST(PosixAcl, GivesTheModeItsMask) {
  const PosixAcl acl = {entry(Tag::user_obj, 6), entry(Tag::user, 4, 1), entry(Tag::group_obj, 0),
                        entry(Tag::mask, 6), entry(Tag::other, 0)};
  EXPECT_EQ(mode_with_acl(0104600, acl), 0104660U);
}

TEST(PosixAcl, IsToldFromOtherBytes) {
  const std::string good = encode_acl({entry(Tag::user_obj, 7)});
  EXPECT_FALSE(is_encoded_acl(""));
  EXPECT_FALSE(is_encoded_acl(good.substr(0, good.size() - 1)));
  std::string bad = good;
  bad[0] = 1;
  EXPECT_FALSE(is_encoded_acl(bad));
  bad = good;
  bad[4] = 3;
  EXPECT_FALSE(is_encoded_acl(bad));
  bad = good;
  bad[6] = 8;
  EXPECT_FALSE(is_encoded_acl(bad));
}

}  // namespace
}  // namespace nineroot::storage
