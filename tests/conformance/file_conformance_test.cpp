// Files and directories: content, attributes, names.
#include <dirent.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "tests/conformance/conformance.h"

namespace nineroot::test {
namespace {

using FileConformance = ConformanceTest;
INSTANTIATE_TEST_SUITE_P(Every, FileConformance, every_case(), name_of_case);

TEST_P(FileConformance, WrittenContentIsReadAndSeenByTheHost) {
  ASSERT_TRUE(client.create(0, 1, "f", O_RDWR | O_EXCL, 0640, 0));
  const std::string data(50'000, 'x');
  EXPECT_EQ(client.write(1, 0, data), data.size());
  EXPECT_EQ(client.write(1, 100'000, "end"), 3U);
  EXPECT_EQ(client.read(1, 99'998, 100), std::string("\0\0end", 5));
  EXPECT_EQ(client.read(1, 100'003, 10), "");
  EXPECT_EQ(read_host_file(served.path() / "f").size(), 100'003U);
  EXPECT_TRUE(client.ask<wire::Rfsync>(wire::Tfsync{.fid = 1, .datasync = 0}));
}

TEST_P(FileConformance, HostChangesAreSeenAtOnce) {
  make_file("f", "guest");
  ASSERT_TRUE(client.walk(0, 1, {"f"}));
  ASSERT_TRUE(client.open(1, O_RDONLY));
  write_host_file(served.path() / "f", "written by the host");
  EXPECT_EQ(client.read(1, 0, 100), "written by the host");
  EXPECT_EQ(client.getattr(1)->size, 19U);
}

TEST_P(FileConformance, CreateKeepsModeAndExclIsExclusive) {
  ASSERT_TRUE(client.create(0, 1, "f", O_RDWR | O_EXCL, 04755, 0));
  EXPECT_EQ(client.getattr(1)->mode, S_IFREG | 04755U);
  EXPECT_ERRNO(EEXIST, client.create(0, 2, "f", O_RDWR | O_EXCL, 0600, 0));
  EXPECT_ERRNO(EEXIST, client.create(0, 2, ".", O_RDWR, 0600, 0));
  EXPECT_ERRNO(EEXIST, client.create(0, 2, "..", O_RDWR, 0600, 0));
}

TEST_P(FileConformance, CreateOfAnExistingFileLeavesItsAttributes) {
  make_file("f", "keep");
  ASSERT_TRUE(client.attach(10, 77));
  ASSERT_TRUE(client.create(10, 1, "f", O_RDWR, 0600, 88));
  EXPECT_EQ(client.getattr(1)->mode, S_IFREG | 0644U);
  EXPECT_EQ(client.getattr(1)->gid, 0U);
  EXPECT_EQ(client.read(1, 0, 10), "keep");
}

// Linux keeps it in the 32 bits of i_generation and compares those with all 64 of the answer; what
// does not fit makes a second inode of the same file (fs/9p/vfs_inode_dotl.c v9fs_test_inode_dotl).
TEST_P(FileConformance, GenerationIsOneThatTheClientCanKeep) {
  ASSERT_TRUE(client.create(0, 1, "f", O_RDWR | O_EXCL, 0640, 0));
  ASSERT_TRUE(client.walk(0, 2, {"f"}));
  EXPECT_LE(client.getattr(1)->gen, UINT32_MAX);
  EXPECT_EQ(client.getattr(1)->gen, client.getattr(2)->gen);
}

// As setxattr(2) on other file systems of Linux; clients before 6.2 hand the flags on.
TEST_P(FileConformance, AclsAreSetWhateverTheFlagsSay) {
  make_file("f", "");
  ASSERT_TRUE(client.walk(0, 1, {"f"}));
  // Owner rw, group r, others r: the mode in other words.
  using namespace std::string_literals;
  const std::string none = "\xff\xff\xff\xff"s;
  const std::string acl = "\2\0\0\0\1\0\6\0"s + none + "\4\0\4\0"s + none + "\x20\0\4\0"s + none;
  // The ids of an ACL mean nothing where no owners are kept.
  const int expected = identity() == fs::IdentityKind::none ? EOPNOTSUPP : 0;
  for (const std::uint32_t flags : {XATTR_REPLACE, XATTR_CREATE, XATTR_CREATE}) {
    const Result<void> set = client.set_xattr(1, 2, "system.posix_acl_access", acl, flags);
    EXPECT_EQ(set ? 0 : code(set.error()), expected);
  }
}

TEST_P(FileConformance, ReadOnlyFidDoesNotWrite) {
  make_file("f", "x");
  ASSERT_TRUE(client.walk(0, 1, {"f"}));
  EXPECT_ERRNO(EBADF, client.write(1, 0, "y"));
  ASSERT_TRUE(client.open(1, O_RDONLY));
  EXPECT_ERRNO(EBADF, client.write(1, 0, "y"));
  EXPECT_ERRNO(EINVAL, client.open(1, O_RDONLY));
}

TEST_P(FileConformance, AppendFlagDoesNotMoveWrites) {
  make_file("f", "0123456789");
  ASSERT_TRUE(client.walk(0, 1, {"f"}));
  ASSERT_TRUE(client.open(1, O_RDWR | O_APPEND));
  EXPECT_EQ(client.write(1, 2, "XY"), 2U);
  EXPECT_EQ(client.read(1, 0, 100), "01XY456789");
}

TEST_P(FileConformance, SynchronousWritesAreAnswered) {
  constexpr std::uint32_t kDsync = 010000;
  ASSERT_TRUE(client.create(0, 1, "f", O_RDWR | kDsync, 0600, 0));
  EXPECT_EQ(client.write(1, 0, "durable"), 7U);
  EXPECT_EQ(client.read(1, 0, 100), "durable");
}

TEST_P(FileConformance, SpecialFilesKeepTypeAndNumber) {
  if (!has_owners()) {
    GTEST_SKIP() << "device nodes need root in passthrough and none";
  }
  const auto make = [&](std::string_view name, std::uint32_t mode, unsigned major, unsigned minor) {
    return client.ask<wire::Rmknod>(wire::Tmknod{
        .dfid = 0, .name = name, .mode = mode, .major = major, .minor = minor, .gid = 5});
  };
  ASSERT_TRUE(make("chr", S_IFCHR | 0620, 4, 65));
  ASSERT_TRUE(make("blk", S_IFBLK | 0660, 259, 1'000'000));
  ASSERT_TRUE(make("fifo", S_IFIFO | 0600, 0, 0));
  ASSERT_TRUE(make("sock", S_IFSOCK | 0755, 0, 0));
  ASSERT_TRUE(make("reg", S_IFREG | 0600, 0, 0));
  ASSERT_TRUE(make("white", S_IFCHR, 0, 0));
  const auto attr_of = [&](std::string_view name) {
    EXPECT_TRUE(client.walk(0, 1, {name}));
    return *client.getattr(1);
  };
  EXPECT_EQ(attr_of("chr").mode, S_IFCHR | 0620U);
  EXPECT_EQ(attr_of("chr").rdev, 0x441U);
  EXPECT_EQ(attr_of("blk").mode, S_IFBLK | 0660U);
  EXPECT_EQ(attr_of("blk").rdev, makedev(259, 1'000'000));
  EXPECT_EQ(attr_of("fifo").mode, S_IFIFO | 0600U);
  EXPECT_EQ(attr_of("sock").mode, S_IFSOCK | 0755U);
  EXPECT_EQ(attr_of("reg").mode, S_IFREG | 0600U);
  EXPECT_EQ(attr_of("white").mode, S_IFCHR | 0U);
  EXPECT_ERRNO(ENXIO, client.open(1, O_RDONLY));
}

TEST_P(FileConformance, SymlinksKeepTheirTarget) {
  const std::string target(300, 'a');
  ASSERT_TRUE(client.ask<wire::Rsymlink>(
      wire::Tsymlink{.dfid = 0, .name = "l", .symtgt = target, .gid = 0}));
  ASSERT_TRUE(client.walk(0, 1, {"l"}));
  const auto attr = client.getattr(1);
  EXPECT_EQ(attr->mode, S_IFLNK | 0777U);
  EXPECT_EQ(attr->size, target.size());
  EXPECT_EQ(attr->qid.type, wire::kQidSymlink);
  EXPECT_EQ(client.readlink(1), target);
  EXPECT_ERRNO(EINVAL, client.readlink(0));
  EXPECT_ERRNO(EEXIST, client.ask<wire::Rsymlink>(
                           wire::Tsymlink{.dfid = 0, .name = "l", .symtgt = "x", .gid = 0}));
}

TEST_P(FileConformance, AttributesAreSet) {
  make_file("f", "0123456789");
  ASSERT_TRUE(client.walk(0, 1, {"f"}));
  EXPECT_TRUE(client.chmod(1, S_IFREG | 06711));
  EXPECT_EQ(client.getattr(1)->mode, S_IFREG | 06711U);
  // A client that sends no type bits does not take the type away.
  EXPECT_TRUE(client.chmod(1, 0600));
  EXPECT_EQ(client.getattr(1)->mode, S_IFREG | 0600U);
  EXPECT_TRUE(client.truncate(1, 4));
  EXPECT_EQ(client.getattr(1)->size, 4U);
  wire::Tsetattr change;
  change.fid = 1;
  change.valid = wire::kSetAtime | wire::kSetAtimeSet | wire::kSetMtime | wire::kSetMtimeSet;
  change.atime_sec = 1'000'000'000;
  change.atime_nsec = 123'456'789;
  change.mtime_sec = static_cast<std::uint64_t>(-86'400);  // Before 1970.
  change.mtime_nsec = 1;
  EXPECT_TRUE(client.ask<wire::Rsetattr>(change));
  const auto attr = client.getattr(1);
  EXPECT_EQ(attr->atime_sec, 1'000'000'000U);
  EXPECT_EQ(attr->atime_nsec, 123'456'789U);
  EXPECT_EQ(static_cast<std::int64_t>(attr->mtime_sec), -86'400);
  EXPECT_EQ(attr->mtime_nsec, 1U);
  change.mtime_nsec = 0x3ffffffe;  // UTIME_OMIT must not be smuggled in.
  EXPECT_ERRNO(EINVAL, client.ask<wire::Rsetattr>(change));
}

TEST_P(FileConformance, OwnersAreSet) {
  if (!has_owners()) {
    GTEST_SKIP() << "owners need root in passthrough and none";
  }
  make_file("f", "");
  ASSERT_TRUE(client.walk(0, 1, {"f"}));
  wire::Tsetattr change;
  change.fid = 1;
  change.valid = wire::kSetUid | wire::kSetGid;
  change.uid = 4'000'000;
  change.gid = 4'294'967'294U;
  EXPECT_TRUE(client.ask<wire::Rsetattr>(change));
  EXPECT_EQ(client.getattr(1)->uid, 4'000'000U);
  EXPECT_EQ(client.getattr(1)->gid, 4'294'967'294U);
}

TEST_P(FileConformance, LinksAreOneInode) {
  make_file("a", "shared");
  ASSERT_TRUE(client.walk(0, 1, {"a"}));
  ASSERT_TRUE(client.ask<wire::Rlink>(wire::Tlink{.dfid = 0, .fid = 1, .name = "b"}));
  ASSERT_TRUE(client.walk(0, 2, {"b"}));
  EXPECT_EQ(client.getattr(1)->qid, client.getattr(2)->qid);
  EXPECT_EQ(client.getattr(1)->nlink, 2U);
  EXPECT_TRUE(client.chmod(1, 0751));
  EXPECT_EQ(client.getattr(2)->mode, S_IFREG | 0751U);
  EXPECT_ERRNO(EPERM, client.ask<wire::Rlink>(wire::Tlink{.dfid = 0, .fid = 0, .name = "c"}));
  EXPECT_ERRNO(EEXIST, client.ask<wire::Rlink>(wire::Tlink{.dfid = 0, .fid = 1, .name = "b"}));
}

TEST_P(FileConformance, NamesFailAsLinuxSays) {
  const auto make_dir = [&](std::string_view name) {
    return client.ask<wire::Rmkdir>(wire::Tmkdir{.dfid = 0, .name = name, .mode = 0755, .gid = 0});
  };
  ASSERT_TRUE(make_dir("d"));
  ASSERT_TRUE(make_dir("e"));
  make_file("f", "");
  ASSERT_TRUE(client.walk(0, 1, {"d"}));
  make_file("inside", "", 1);
  EXPECT_ERRNO(EEXIST, make_dir("d"));
  EXPECT_ERRNO(ENOENT, make_dir(""));
  EXPECT_ERRNO(EINVAL, make_dir("a/b"));
  EXPECT_TRUE(make_dir(std::string(255, 'n')));
  EXPECT_TRUE(make_dir("\xff\x01\n odd"));
  EXPECT_ERRNO(ENAMETOOLONG, make_dir(std::string(256, 'n')));
  EXPECT_ERRNO(ENOTEMPTY, client.unlink(0, "d", wire::kUnlinkRemoveDir));
  EXPECT_ERRNO(EISDIR, client.unlink(0, "d"));
  EXPECT_ERRNO(ENOTDIR, client.unlink(0, "f", wire::kUnlinkRemoveDir));
  EXPECT_ERRNO(ENOENT, client.unlink(0, "missing"));
  EXPECT_ERRNO(EINVAL, client.unlink(0, ".", wire::kUnlinkRemoveDir));
  EXPECT_ERRNO(ENOTEMPTY, client.unlink(0, "..", wire::kUnlinkRemoveDir));
  EXPECT_ERRNO(EINVAL, client.unlink(0, "f", 1));
  EXPECT_ERRNO(EINVAL, client.rename(0, "d", 1, "below"));
  EXPECT_ERRNO(EISDIR, client.rename(0, "f", 0, "e"));
  EXPECT_ERRNO(ENOTDIR, client.rename(0, "e", 0, "f"));
  EXPECT_ERRNO(ENOTEMPTY, client.rename(0, "e", 0, "d"));
  EXPECT_TRUE(client.unlink(0, "e", wire::kUnlinkRemoveDir));
  EXPECT_TRUE(client.unlink(1, "inside"));
  EXPECT_TRUE(client.unlink(0, "d", wire::kUnlinkRemoveDir));
}

TEST_P(FileConformance, RemoveAndRenameByFidWork) {
  make_file("a", "A");
  ASSERT_TRUE(client.walk(0, 1, {"a"}));
  ASSERT_TRUE(client.ask<wire::Rrename>(wire::Trename{.fid = 1, .dfid = 0, .name = "b"}));
  EXPECT_EQ(read_host_file(served.path() / "b"), "A");
  ASSERT_TRUE(client.ask<wire::Rremove>(wire::Tremove{.fid = 1}));
  EXPECT_FALSE(std::filesystem::exists(served.path() / "b"));
  EXPECT_ERRNO(EBADF, client.getattr(1));
  // The fid goes even where removal is impossible.
  ASSERT_TRUE(client.walk(0, 2));
  EXPECT_ERRNO(EBUSY, client.ask<wire::Rremove>(wire::Tremove{.fid = 2}));
  EXPECT_ERRNO(EBADF, client.getattr(2));
}

TEST_P(FileConformance, RemoveAndRenameByFidMeanTheNameThatWasWalkedTo) {
  make_file("a", "A");
  ASSERT_TRUE(client.walk(0, 1, {"a"}));
  ASSERT_TRUE(client.ask<wire::Rlink>(wire::Tlink{.dfid = 0, .fid = 1, .name = "b"}));
  ASSERT_TRUE(client.walk(0, 2, {"b"}));
  ASSERT_TRUE(client.ask<wire::Rlink>(wire::Tlink{.dfid = 0, .fid = 2, .name = "c"}));
  ASSERT_TRUE(client.walk(0, 3, {"c"}));
  ASSERT_TRUE(client.walk(2, 4));
  ASSERT_TRUE(client.ask<wire::Rrename>(wire::Trename{.fid = 4, .dfid = 0, .name = "d"}));
  EXPECT_FALSE(std::filesystem::exists(served.path() / "b"));
  EXPECT_TRUE(std::filesystem::exists(served.path() / "d"));
  ASSERT_TRUE(client.ask<wire::Rremove>(wire::Tremove{.fid = 1}));
  EXPECT_FALSE(std::filesystem::exists(served.path() / "a"));
  EXPECT_TRUE(std::filesystem::exists(served.path() / "c"));
  ASSERT_TRUE(client.ask<wire::Rremove>(wire::Tremove{.fid = 4}));
  EXPECT_FALSE(std::filesystem::exists(served.path() / "d"));
  EXPECT_TRUE(std::filesystem::exists(served.path() / "c"));
  EXPECT_EQ(client.getattr(3)->nlink, 1U);
  ASSERT_TRUE(client.ask<wire::Rremove>(wire::Tremove{.fid = 3}));
  EXPECT_FALSE(std::filesystem::exists(served.path() / "c"));
}

TEST_P(FileConformance, ReaddirGivesEveryNameOnceWithItsType) {
  std::map<std::string, std::uint8_t> expected{{".", DT_DIR}, {"..", DT_DIR}};
  for (int i = 0; i < 300; ++i) {
    const std::string name = "file-" + std::to_string(i);
    make_file(name, "");
    expected[name] = DT_REG;
  }
  ASSERT_TRUE(
      client.ask<wire::Rmkdir>(wire::Tmkdir{.dfid = 0, .name = "dir", .mode = 0755, .gid = 0}));
  expected["dir"] = DT_DIR;
  ASSERT_TRUE(client.ask<wire::Rsymlink>(
      wire::Tsymlink{.dfid = 0, .name = "link", .symtgt = "x", .gid = 0}));
  expected["link"] = DT_LNK;
  ASSERT_TRUE(client.walk(0, 1));
  ASSERT_TRUE(client.open(1, O_RDONLY));
  std::map<std::string, std::uint8_t> seen;
  std::uint64_t offset = 0;
  while (true) {
    const auto entries = client.readdir(1, offset, 1000);
    ASSERT_TRUE(entries);
    if (entries->empty()) {
      break;
    }
    for (const Entry& entry : *entries) {
      EXPECT_TRUE(seen.emplace(entry.name, entry.type).second) << entry.name << " twice";
      EXPECT_NE(entry.offset, 0U);
      if (entry.name == "dir") {
        ASSERT_TRUE(client.walk(0, 2, {"dir"}));
        EXPECT_EQ(entry.qid, client.getattr(2)->qid);
      }
    }
    offset = entries->back().offset;
  }
  EXPECT_EQ(seen, expected);
  EXPECT_ERRNO(EINVAL, client.readdir(1, 0, 10));
  EXPECT_EQ(client.readdir(1, 0, 1000)->front().name.empty(), false);
}

TEST_P(FileConformance, StatfsIsTheHosts) {
  const auto info = client.ask<wire::Rstatfs>(wire::Tstatfs{.fid = 0});
  ASSERT_TRUE(info);
  EXPECT_GT(info->bsize, 0U);
  EXPECT_EQ(info->namelen, 255U);
}

TEST_P(FileConformance, QidVersionIsNeverZero) {
  make_file("f", "");
  ASSERT_TRUE(client.walk(0, 1, {"f"}));
  const auto opened = client.open(1, O_RDWR);
  ASSERT_TRUE(opened);
  EXPECT_NE(opened->qid.version, 0U);
  EXPECT_EQ(opened->iounit, 0U);
  const auto before = client.getattr(1)->qid;
  ASSERT_TRUE(client.write(1, 0, "changed"));
  EXPECT_EQ(client.getattr(1)->qid, before);
}

TEST_P(FileConformance, XattrsOfUsersAreKept) {
  make_file("f", "");
  ASSERT_TRUE(client.walk(0, 1, {"f"}));
  EXPECT_ERRNO(ENODATA, client.get_xattr(1, 50, "user.absent"));
  EXPECT_ERRNO(EBADF, client.getattr(50));
  ASSERT_TRUE(client.set_xattr(1, 50, "user.note", "hello"));
  EXPECT_EQ(client.get_xattr(1, 50, "user.note"), "hello");
  ASSERT_TRUE(client.set_xattr(1, 50, "user.empty", ""));
  EXPECT_EQ(client.get_xattr(1, 50, "user.empty"), "");
  const auto names = client.get_xattr(1, 50, "");
  ASSERT_TRUE(names);
  EXPECT_NE(names->find(std::string("user.note\0", 10)), std::string::npos);
  EXPECT_EQ(names->find("user.virtfs."), std::string::npos);
  EXPECT_ERRNO(EEXIST, client.set_xattr(1, 50, "user.note", "x", 1));
  ASSERT_TRUE(client.set_xattr(1, 50, "user.note", "", 2));  // Removes.
  EXPECT_ERRNO(ENODATA, client.get_xattr(1, 50, "user.note"));
  EXPECT_ERRNO(ENODATA, client.set_xattr(1, 50, "user.note", "", 2));
}

TEST_P(FileConformance, CapabilitiesAbsentAreNoError) {
  make_file("f", "");
  ASSERT_TRUE(client.walk(0, 1, {"f"}));
  EXPECT_ERRNO(ENODATA, client.get_xattr(1, 50, "security.capability"));
  EXPECT_ERRNO(EOPNOTSUPP, client.get_xattr(1, 50, "nonsense.name"));
  EXPECT_ERRNO(E2BIG, client.ask<wire::Rxattrcreate>(wire::Txattrcreate{
                          .fid = 1, .name = "user.big", .attr_size = 70'000, .flags = 0}));
}

}  // namespace
}  // namespace nineroot::test
