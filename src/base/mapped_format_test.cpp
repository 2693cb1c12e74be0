#include "base/mapped_format.h"

#include <sys/stat.h>

#include <gtest/gtest.h>

namespace nineroot::mapped {
namespace {

std::string bytes_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// The expected bytes were written by QEMU 10.0.2.
TEST(MappedFormat, NumbersAreLittleEndianAsQemuWritesThem) {
  EXPECT_EQ(bytes_of(encode_u32(1000)), std::string("\xe8\x03\x00\x00", 4));
  EXPECT_EQ(bytes_of(encode_u32(4294967294U)), std::string("\xfe\xff\xff\xff", 4));
  EXPECT_EQ(bytes_of(encode_u32(0120777)), std::string("\xff\xa1\x00\x00", 4));
  EXPECT_EQ(bytes_of(encode_u64(0x0441)), std::string("\x41\x04\0\0\0\0\0\0", 8));
}

TEST(MappedFormat, WrongLengthCountsAsAbsent) {
  EXPECT_FALSE(decode_u32(encode_u64(1)));
  EXPECT_FALSE(decode_u64(encode_u32(1)));
  EXPECT_EQ(decode_u32(encode_u32(77)), 77U);
}

TEST(MappedFormat, MetadataFileIsQemusText) {
  const Recorded node{.uid = 1000, .gid = 3, .mode = 8624, .rdev = 1089};
  EXPECT_EQ(encode_metadata(node),
            "virtfs.uid=1000\nvirtfs.gid=3\nvirtfs.mode=8624\nvirtfs.rdev=1089\n");
  EXPECT_EQ(decode_metadata(encode_metadata(node)), node);
}

TEST(MappedFormat, LargeIdsWrapAsSignedDecimals) {
  const Recorded big{.uid = 4294967294U, .gid = 4000000000U, .mode = {}, .rdev = {}};
  EXPECT_EQ(encode_metadata(big), "virtfs.uid=-2\nvirtfs.gid=-294967296\n");
  EXPECT_EQ(decode_metadata(encode_metadata(big)), big);
}

TEST(MappedFormat, JunkInMetadataIsIgnored) {
  EXPECT_EQ(decode_metadata("junk\nvirtfs.uid=x\nvirtfs.mode=\n=\nvirtfs.gid=7"),
            (Recorded{.uid = {}, .gid = 7, .mode = {}, .rdev = {}}));
}

TEST(MappedFormat, RecordedTypeCannotTurnADirectoryIntoAFile) {
  EXPECT_EQ(effective_mode(S_IFREG | 0600, S_IFLNK | 0777), S_IFLNK | 0777U);
  EXPECT_EQ(effective_mode(S_IFDIR | 0700, S_IFREG | 0644), S_IFDIR | 0644U);
  EXPECT_EQ(effective_mode(S_IFREG | 0600, S_IFDIR | 0755), S_IFREG | 0755U);
  EXPECT_EQ(effective_mode(S_IFREG | 0600, 04755), S_IFREG | 04755U);
  EXPECT_EQ(effective_mode(S_IFLNK | 0777, S_IFREG | 0644), S_IFLNK | 0644U);
}

TEST(MappedFormat, XattrNamesRoundTrip) {
  for (const char* name : {"user.a", "system.posix_acl_access", "system.posix_acl_default",
                           "security.capability", "trusted.overlay.opaque"}) {
    auto host = host_xattr_name(name);
    ASSERT_TRUE(host) << name;
    EXPECT_EQ(guest_xattr_name(*host), name);
  }
}

TEST(MappedFormat, ReservedXattrNamesAreOutOfReach) {
  for (const char* name : {"user.virtfs.uid", "user.virtfs.system.posix_acl_access", "user.",
                           "system.posix_acl_accessX", "btrfs.compression", "", "security."}) {
    EXPECT_FALSE(host_xattr_name(name)) << name;
  }
  EXPECT_FALSE(guest_xattr_name("user.virtfs.mode"));
  EXPECT_FALSE(guest_xattr_name("security.selinux"));
}

}  // namespace
}  // namespace nineroot::mapped
