// Owners, modes and the bits that give rights: what is asked for is kept, and set-id bits do not
// outlive a write by somebody else.
#include "tests/conformance/posix.h"

namespace nineroot::test {
namespace {

class OwnersPosix : public PosixTest {
 protected:
  void SetUp() override {
    if (!has_owners()) {
      GTEST_SKIP() << "owners need root in passthrough and none";
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Every, OwnersPosix, every_identity(), name_of_identity);

TEST_P(OwnersPosix, WhatADozenUsersMakeIsTheirs) {
  const std::uint32_t uids[] = {0,       1,       2,          33,      1000,          1001,
                                65'534,  65'535,  65'536,     100'000, 2'147'483'648, 4'294'967'294,
                                131'072, 999'999, 1'234'567'8};
  ASSERT_TRUE(calls.mkdir("tmp", 01777));
  std::uint32_t fid = 100;
  for (const std::uint32_t uid : uids) {
    SCOPED_TRACE(uid);
    ASSERT_TRUE(client.attach(fid, uid));
    ASSERT_TRUE(client.walk(fid, fid, {"tmp"}));
    const std::string name = std::to_string(uid);
    const std::uint32_t gid = uid / 2;
    ASSERT_TRUE(client.create(fid, 50, name + "f", O_RDWR, 0640, gid));
    ASSERT_TRUE(calls.mkdir(name + "d", 0750, fid, gid));
    ASSERT_TRUE(client.ask<wire::Rsymlink>(
        wire::Tsymlink{.dfid = fid, .name = name + "l", .symtgt = "x", .gid = gid}));
    ASSERT_TRUE(client.ask<wire::Rmknod>(wire::Tmknod{.dfid = fid,
                                                      .name = name + "p",
                                                      .mode = S_IFIFO | 0600,
                                                      .major = 0,
                                                      .minor = 0,
                                                      .gid = gid}));
    for (const char* kind : {"f", "d", "l", "p"}) {
      const auto attr = *calls.stat(name + kind, fid);
      EXPECT_EQ(attr.uid, uid) << kind;
      EXPECT_EQ(attr.gid, gid) << kind;
    }
    fid += 1;
  }
}

TEST_P(OwnersPosix, EveryModeIsKept) {
  ASSERT_TRUE(calls.mkdir("d"));
  ASSERT_TRUE(calls.touch("f"));
  ASSERT_TRUE(calls.mknod("p", S_IFIFO | 0600));
  ASSERT_TRUE(client.walk(0, 1, {"d"}));
  ASSERT_TRUE(client.walk(0, 2, {"f"}));
  ASSERT_TRUE(client.walk(0, 3, {"p"}));
  for (std::uint32_t mode = 0; mode <= 07777; mode += 5) {
    for (const std::uint32_t fid : {1U, 2U, 3U}) {
      ASSERT_TRUE(client.chmod(fid, mode));
      ASSERT_EQ(client.getattr(fid)->mode & 07777U, mode);
    }
  }
  for (std::uint32_t mode = 0; mode <= 07777; mode += 73) {
    ASSERT_TRUE(client.create(0, 4, "new", O_RDWR | O_EXCL, mode, 0));
    ASSERT_EQ(client.getattr(4)->mode, S_IFREG | mode);
    ASSERT_TRUE(client.unlink(0, "new"));
    ASSERT_TRUE(calls.mkdir("newd", mode));
    ASSERT_EQ(calls.stat("newd")->mode, S_IFDIR | mode);
    ASSERT_TRUE(calls.remove(S_IFDIR, "newd"));
  }
}

TEST_P(OwnersPosix, FileWithoutPermissionsIsTheGuestsToJudge) {
  ASSERT_TRUE(client.create(0, 1, "f", O_RDWR | O_EXCL, 0, 0));
  ASSERT_TRUE(client.write(1, 0, "x"));
  ASSERT_TRUE(client.walk(0, 2, {"f"}));
  EXPECT_TRUE(client.open(2, O_RDWR));
  ASSERT_TRUE(client.walk(0, 3, {"f"}));
  EXPECT_TRUE(client.truncate(3, 0));
}

TEST_P(OwnersPosix, SetGidDirectoryDoesNotDecideForTheClient) {
  ASSERT_TRUE(calls.mkdir("d", 02775, 0, 77));
  ASSERT_TRUE(client.walk(0, 1, {"d"}));
  ASSERT_TRUE(client.create(1, 2, "f", O_RDWR, 0664, 5));
  ASSERT_TRUE(calls.mkdir("sub", 0755, 1, 6));
  ASSERT_TRUE(calls.mkdir("inherits", 02755, 1, 77));
  EXPECT_EQ(calls.stat("f", 1)->gid, 5U);
  EXPECT_EQ(calls.stat("f", 1)->mode, S_IFREG | 0664U);
  EXPECT_EQ(calls.stat("sub", 1)->gid, 6U);
  EXPECT_EQ(calls.stat("sub", 1)->mode, S_IFDIR | 0755U);
  EXPECT_EQ(calls.stat("inherits", 1)->gid, 77U);
  EXPECT_EQ(calls.stat("inherits", 1)->mode, S_IFDIR | 02755U);
}

/// Linux sends owner and mode together where a chown takes set-id bits away.
TEST_P(OwnersPosix, ChownWithModeEndsWithThatMode) {
  for (const std::uint32_t mode : {0755U, 04755U, 02755U, 06755U, 02745U}) {
    SCOPED_TRACE(mode);
    ASSERT_TRUE(client.create(0, 1, "f", O_RDWR | O_EXCL, 06755, 0));
    wire::Tsetattr change;
    change.fid = 1;
    change.valid = wire::kSetUid | wire::kSetGid | wire::kSetMode | wire::kSetCtime;
    change.uid = 1000;
    change.gid = 1001;
    change.mode = S_IFREG | mode;
    ASSERT_TRUE(calls.set_attr(change));
    const auto attr = *client.getattr(1);
    EXPECT_EQ(attr.mode, S_IFREG | mode);
    EXPECT_EQ(attr.uid, 1000U);
    EXPECT_EQ(attr.gid, 1001U);
    ASSERT_TRUE(client.unlink(0, "f"));
  }
}

TEST_P(OwnersPosix, OwnersOfEveryTypeAreSetOneAtATime) {
  for (const std::uint32_t type : types()) {
    SCOPED_TRACE(name_of_type(type));
    ASSERT_TRUE(calls.make(type, "x"));
    ASSERT_TRUE(client.walk(0, 1, {"x"}));
    ASSERT_TRUE(calls.chown(1, 1234, std::nullopt));
    ASSERT_TRUE(calls.chown(1, std::nullopt, 5678));
    const auto attr = *calls.stat("x");
    EXPECT_EQ(attr.uid, 1234U);
    EXPECT_EQ(attr.gid, 5678U);
    EXPECT_EQ(attr.mode & S_IFMT, type);
    ASSERT_TRUE(calls.remove(type, "x"));
  }
}

/// The mode after a write through a fid of `uid`'s, of a file that had `mode` before.
std::uint32_t mode_after_write(Client9p& client, std::uint32_t mode, std::uint32_t uid) {
  EXPECT_TRUE(client.create(0, 1, "f", O_RDWR | O_EXCL, mode, 0));
  EXPECT_TRUE(client.clunk(1));
  EXPECT_TRUE(client.attach(2, uid));
  EXPECT_TRUE(client.walk(2, 3, {"f"}));
  EXPECT_TRUE(client.open(3, O_RDWR));
  EXPECT_EQ(client.write(3, 0, "changed"), 7U);
  const std::uint32_t after = client.getattr(3)->mode & 07777U;
  EXPECT_TRUE(client.unlink(0, "f"));
  EXPECT_TRUE(client.clunk(3));
  return after;
}

/// CVE-2023-1386.  Linux clients up to 6.1 write without a word about the mode.
TEST_P(OwnersPosix, WriteByAnotherThanRootTakesSetIdBitsAway) {
  EXPECT_EQ(mode_after_write(client, 04755, 1000), 0755U);
  EXPECT_EQ(mode_after_write(client, 06777, 1000), 0777U);
  EXPECT_EQ(mode_after_write(client, 02775, 1000), 0775U);
  EXPECT_EQ(mode_after_write(client, 01777, 1000), 01777U);
  // Set-group-id without execution is a mark for mandatory locking: it gives nobody a right.
  EXPECT_EQ(mode_after_write(client, 02644, 1000), 02644U);
  // Root may, as on any Linux file system.
  EXPECT_EQ(mode_after_write(client, 06755, 0), 06755U);
}

TEST_P(OwnersPosix, SetIdBitsGivenToAnOpenFileGoWithTheNextWrite) {
  ASSERT_TRUE(client.create(0, 1, "f", O_RDWR | O_EXCL, 0755, 0));
  ASSERT_TRUE(client.attach(2, 1000));
  ASSERT_TRUE(client.walk(2, 3, {"f"}));
  ASSERT_TRUE(client.open(3, O_RDWR));
  ASSERT_TRUE(client.write(3, 0, "1"));
  ASSERT_TRUE(client.chmod(1, 06755));
  EXPECT_EQ(client.getattr(3)->mode & 07777U, 06755U);
  ASSERT_TRUE(client.write(3, 0, "2"));
  EXPECT_EQ(client.getattr(3)->mode & 07777U, 0755U);
}

TEST_P(OwnersPosix, FileCapabilitiesGoWithAWriteByAnotherThanRoot) {
  const std::string capability("\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
  ASSERT_TRUE(client.create(0, 1, "f", O_RDWR | O_EXCL, 0755, 0));
  ASSERT_TRUE(client.attach(2, 1000));
  ASSERT_TRUE(client.walk(2, 3, {"f"}));
  ASSERT_TRUE(client.open(3, O_RDWR));
  for (int round = 0; round < 2; ++round) {
    ASSERT_TRUE(client.set_xattr(1, 50, "security.capability", capability));
    EXPECT_EQ(client.get_xattr(3, 50, "security.capability"), capability);
    ASSERT_TRUE(client.write(3, 0, "changed"));
    EXPECT_ERRNO(ENODATA, client.get_xattr(3, 50, "security.capability"));
  }
}

TEST_P(OwnersPosix, TruncateEndsWithTheModeThatTheClientSends) {
  ASSERT_TRUE(client.create(0, 1, "f", O_RDWR | O_EXCL, 06755, 0));
  wire::Tsetattr change;
  change.fid = 1;
  change.valid = wire::kSetSize | wire::kSetMode | wire::kSetCtime;
  change.size = 0;
  change.mode = S_IFREG | 0755;
  ASSERT_TRUE(calls.set_attr(change));
  EXPECT_EQ(client.getattr(1)->mode, S_IFREG | 0755U);
}

TEST_P(OwnersPosix, DeviceNumbersAreKeptWholeOrRefused) {
  const std::pair<std::uint32_t, std::uint32_t> numbers[] = {
      {0, 0}, {1, 3}, {4, 255}, {4, 256}, {255, 255}, {259, 1'048'575}, {4095, 1'048'575}};
  for (const auto& [major_number, minor_number] : numbers) {
    SCOPED_TRACE(std::to_string(major_number) + ":" + std::to_string(minor_number));
    ASSERT_TRUE(calls.mknod("n", S_IFCHR | 0600, major_number, minor_number));
    EXPECT_EQ(calls.stat("n")->rdev, makedev(major_number, minor_number));
    ASSERT_TRUE(client.unlink(0, "n"));
  }
  // A guest's dev_t has 12 and 20 bits: more can only come from another client, and must not
  // become another device.
  for (const auto& [major_number, minor_number] :
       {std::pair{4096U, 0U}, {0U, 1'048'576U}, {0xffffffffU, 0xffffffffU}, {0x10000U, 3U}}) {
    SCOPED_TRACE(std::to_string(major_number) + ":" + std::to_string(minor_number));
    EXPECT_ERRNO(EINVAL, calls.mknod("n", S_IFBLK | 0600, major_number, minor_number));
  }
  EXPECT_TRUE(calls.names(0).empty());
}

}  // namespace
}  // namespace nineroot::test
