// What a good archive becomes in a mapped tree, byte for byte.
#include <string>

#include "tests/storage/importing.h"

namespace nineroot::testing_support {
namespace {

using storage::Layout;
using testing::ElementsAre;
using testing::HasSubstr;

std::string bytes(std::initializer_list<int> values) {
  std::string text;
  for (const int value : values) {
    text += static_cast<char>(value);
  }
  return text;
}

class Import : public Importing {};

TEST_F(Import, RecordsOwnersAndModesInXattrs) {
  import_good(TarBuilder()
                  .add({.name = "./", .type = '5', .mode = 0755})
                  .directory("usr")
                  .add({.name = "usr/su", .mode = 04755, .uid = 0, .gid = 42, .content = "#!"}));
  EXPECT_EQ(host_xattr("usr/su", "user.virtfs.mode"), bytes({0xed, 0x89, 0, 0}));
  EXPECT_EQ(host_xattr("usr/su", "user.virtfs.uid"), bytes({0, 0, 0, 0}));
  EXPECT_EQ(host_xattr("usr/su", "user.virtfs.gid"), bytes({42, 0, 0, 0}));
  EXPECT_EQ(host_xattr("usr/su", "user.virtfs.rdev"), "none");
  EXPECT_EQ(host_xattr("usr", "user.virtfs.mode"), bytes({0xed, 0x41, 0, 0}));
  EXPECT_EQ(host_xattr(".", "user.virtfs.mode"), bytes({0xed, 0x41, 0, 0}));
  EXPECT_EQ(host_stat("usr/su").st_mode, S_IFREG | 0600U);
  EXPECT_EQ(host_stat("usr").st_mode, S_IFDIR | 0700U);
  EXPECT_EQ(host_content("usr/su"), "#!");
}

TEST_F(Import, MakesSymlinksAndNodesRegularFiles) {
  import_good(TarBuilder()
                  .symlink("bin", "usr/bin")
                  .add({.name = "null", .type = '3', .mode = 0666, .major = 1, .minor = 3})
                  .add({.name = "sda", .type = '4', .mode = 0660, .major = 259, .minor = 1000000})
                  .add({.name = "pipe", .type = '6', .mode = 0600}));
  EXPECT_EQ(host_content("bin"), "usr/bin");
  EXPECT_EQ(host_xattr("bin", "user.virtfs.mode"), bytes({0xff, 0xa1, 0, 0}));
  EXPECT_EQ(host_xattr("bin", "user.virtfs.rdev"), "none");
  EXPECT_EQ(host_xattr("null", "user.virtfs.mode"), bytes({0xb6, 0x21, 0, 0}));
  EXPECT_EQ(host_xattr("null", "user.virtfs.rdev"), bytes({3, 1, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(host_xattr("sda", "user.virtfs.rdev"), bytes({0x40, 3, 0x21, 0xf4, 0, 0, 0, 0}));
  EXPECT_EQ(host_xattr("pipe", "user.virtfs.mode"), bytes({0x80, 0x11, 0, 0}));
  EXPECT_EQ(host_xattr("pipe", "user.virtfs.rdev"), std::string(8, '\0'));
  for (const char* name : {"bin", "null", "sda", "pipe"}) {
    EXPECT_EQ(host_stat(name).st_mode, S_IFREG | 0600U) << name;
  }
  EXPECT_EQ(host_stat("null").st_size, 0);
}

TEST_F(Import, JoinsHardLinksAlsoToLaterEntries) {
  import_good(TarBuilder()
                  .hard_link("first", "second")
                  .hard_link("second", "real")
                  .add({.name = "real", .mode = 04711, .content = "x"})
                  .hard_link("after", "./real")
                  .hard_link("itself", "itself2")
                  .symlink("itself2", "anywhere"));
  EXPECT_EQ(host_stat("real").st_nlink, 4U);
  for (const char* name : {"first", "second", "after"}) {
    EXPECT_EQ(host_stat(name).st_ino, host_stat("real").st_ino) << name;
  }
  EXPECT_EQ(tree().read_link("/itself"), "anywhere");
}

TEST_F(Import, ResolvesUsrmergeInsideTheTree) {
  import_good(TarBuilder()
                  .directory("usr")
                  .directory("usr/bin")
                  .symlink("bin", "usr/bin")
                  .symlink("sbin", "/bin")
                  .add({.name = "bin/foo", .content = "foo"})
                  .directory("bin")
                  .hard_link("sbin/bar", "sbin/foo"));
  EXPECT_EQ(host_content("usr/bin/foo"), "foo");
  EXPECT_EQ(host_stat("usr/bin/bar").st_ino, host_stat("usr/bin/foo").st_ino);
  EXPECT_EQ(tree().read_link("/bin"), "usr/bin");
}

TEST_F(Import, MakesMissingParents) {
  import_good(TarBuilder()
                  .directory("usr")
                  .symlink("lib", "usr/lib")
                  .file("lib/a/b", "x")
                  .file("c/d", "y"));
  EXPECT_EQ(host_content("usr/lib/a/b"), "x");
  ASSERT_TRUE(tree().stat("/c"));
  EXPECT_EQ(tree().stat("/c")->mode, S_IFDIR | 0755U);
}

TEST_F(Import, GivesTheRootToRootWhenTheArchiveDoesNotSay) {
  import_good(TarBuilder().file("a", ""));
  EXPECT_EQ(host_xattr(".", "user.virtfs.mode"), bytes({0xed, 0x41, 0, 0}));
  EXPECT_EQ(host_xattr(".", "user.virtfs.uid"), std::string(4, '\0'));
}

TEST_F(Import, LetsTheLastOfSeveralEntriesWin) {
  import_good(TarBuilder()
                  .file("a", "long content")
                  .add({.name = "a", .mode = 0600, .content = "new"})
                  .symlink("b", "a")
                  .file("b", "file")
                  .file("c", "file")
                  .directory("c")
                  .file("c/inside", "")
                  .directory("d")
                  .file("d", "file")
                  .directory("e", 0700)
                  .file("e/kept", "kept")
                  .directory("e", 0711)
                  .hard_link("f", "a")
                  .file("f", "its own"));
  EXPECT_EQ(host_content("a"), "new");
  EXPECT_EQ(tree().stat("/a")->mode, S_IFREG | 0600U);
  EXPECT_EQ(host_content("b"), "file");
  EXPECT_TRUE(tree().stat_no_follow("/b")->is_regular());
  EXPECT_TRUE(tree().stat("/c")->is_directory());
  EXPECT_EQ(host_content("d"), "file");
  EXPECT_EQ(host_content("e/kept"), "kept");
  EXPECT_EQ(tree().stat("/e")->mode, S_IFDIR | 0711U);
  EXPECT_EQ(host_content("f"), "its own");
}

TEST_F(Import, EncodesTextAclsAndPutsTheMaskIntoTheMode) {
  import_good(TarBuilder()
                  .add({.name = "f",
                        .mode = 0660,
                        .pax = {{"SCHILY.acl.access",
                                 "user::rw-,user:1000:r--,group::r--,mask::rw-,other::---"}}})
                  .add({.name = "d",
                        .type = '5',
                        .mode = 0755,
                        .pax = {{"SCHILY.acl.default",
                                 "user::rwx,group::r-x,group:7:rwx,mask::rwx,other::r-x"}}}));
  EXPECT_EQ(host_xattr("f", "user.virtfs.system.posix_acl_access"),
            bytes({2,  0, 0, 0,                             // Version.
                   1,  0, 6, 0, 0xff, 0xff, 0xff, 0xff,     // user::rw-
                   2,  0, 4, 0, 0xe8, 3,    0,    0,        // user:1000:r--
                   4,  0, 4, 0, 0xff, 0xff, 0xff, 0xff,     // group::r--
                   16, 0, 6, 0, 0xff, 0xff, 0xff, 0xff,     // mask::rw-
                   32, 0, 0, 0, 0xff, 0xff, 0xff, 0xff}));  // other::---
  EXPECT_EQ(tree().stat("/f")->mode, S_IFREG | 0660U);
  EXPECT_EQ(host_xattr("d", "user.virtfs.system.posix_acl_access"), "none");
  EXPECT_THAT(host_xattr("d", "user.virtfs.system.posix_acl_default"), testing::SizeIs(4 + 5 * 8));
  EXPECT_EQ(tree().stat("/d")->mode, S_IFDIR | 0755U);
}

TEST_F(Import, LooksAclNamesUpInTheArchivesOwnAccounts) {
  import_good(TarBuilder()
                  .add({.name = "f",
                        .pax = {{"SCHILY.acl.access",
                                 "user::rw-,user:lisa:r--,group::r--,mask::r--,other::r--"}}})
                  .file("etc/passwd", "root:x:0:0::/root:/bin/sh\nlisa:x:1234:100::/:/bin/sh\n"));
  EXPECT_EQ(host_xattr("f", "user.virtfs.system.posix_acl_access").substr(12, 8),
            bytes({2, 0, 4, 0, 0xd2, 4, 0, 0}));
}

TEST_F(Import, KeepsCapabilitiesAndOtherXattrsByteForByte) {
  const std::string capability =
      bytes({1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
  const std::string acl = bytes({2, 0, 0, 0, 1, 0, 6, 0, 0xff, 0xff, 0xff, 0xff});
  import_good(TarBuilder()
                  .add({.name = "ping",
                        .mode = 0755,
                        .pax = {{"SCHILY.xattr.security.capability", capability},
                                {"SCHILY.xattr.user.mime", "text/plain"},
                                {"SCHILY.xattr.system.posix_acl_access", acl}}})
                  .add({.name = "bsd", .pax = {{"LIBARCHIVE.xattr.user.x", "AAEC"}}}));
  EXPECT_EQ(host_xattr("ping", "user.virtfs.security.capability"), capability);
  EXPECT_EQ(host_xattr("ping", "user.mime"), "text/plain");
  EXPECT_EQ(host_xattr("ping", "user.virtfs.system.posix_acl_access"), acl);
  EXPECT_EQ(host_xattr("bsd", "user.x"), bytes({0, 1, 2}));
}

TEST_F(Import, WarnsOfAttributesThatAMappedTreeCannotKeep) {
  const auto done = import_bytes(
      TarBuilder().add({.name = "f", .pax = {{"SCHILY.xattr.system.nfs4_acl", "x"}}}).done());
  ASSERT_TRUE(done);
  EXPECT_THAT(done->warnings, ElementsAre(HasSubstr("f: the attribute system.nfs4_acl")));
}

TEST_F(Import, KeepsTimesOfAllAges) {
  import_good(TarBuilder()
                  .add({.name = "d", .type = '5', .mode = 0755, .mtime = 1000})
                  .add({.name = "d/e", .type = '5', .mode = 0755, .mtime = 2000})
                  .add({.name = "d/e/old", .pax = {{"mtime", "-86400.5"}}})
                  .add({.name = "d/e/new", .mtime = 2'300'000'000})
                  .add({.name = "d/link", .type = '2', .mtime = 3000, .link = "x"}));
  EXPECT_EQ(host_stat("d").st_mtim.tv_sec, 1000);
  EXPECT_EQ(host_stat("d/e").st_mtim.tv_sec, 2000);
  EXPECT_EQ(host_stat("d/link").st_mtim.tv_sec, 3000);
  EXPECT_LE(host_stat("d/e/old").st_mtim.tv_sec, -86400);
  EXPECT_EQ(host_stat("d/e/new").st_mtim.tv_sec, 2'300'000'000);
}

TEST_F(Import, TakesNamesAsBytes) {
  const std::string latin = "caf\xe9";
  const std::string longest(255, 'n');
  import_good(TarBuilder().file(latin, "1").file("new\nline", "2").file(longest, "3"));
  EXPECT_EQ(host_content(latin), "1");
  EXPECT_EQ(host_content("new\nline"), "2");
  EXPECT_EQ(host_content(longest), "3");
}

TEST_F(Import, TakesLargeIds) {
  import_good(TarBuilder().add({.name = "f", .uid = 4'000'000'000, .gid = 4'294'967'294}));
  EXPECT_EQ(tree().stat("/f")->uid, 4'000'000'000U);
  EXPECT_EQ(tree().stat("/f")->gid, 4'294'967'294U);
}

TEST_F(Import, LeavesHolesInSparseFiles) {
  // GNU's format 1.0: the map of the data stands before it, in a block of its own.
  constexpr std::uint64_t kSize = 100'000'000;
  std::string content = "1\n50000000\n3\n";
  content.resize(512);
  content += "abc";
  import_good(TarBuilder().add({.name = "GNUSparseFile.0/f",
                                .content = content,
                                .pax = {{"GNU.sparse.major", "1"},
                                        {"GNU.sparse.minor", "0"},
                                        {"GNU.sparse.name", "f"},
                                        {"GNU.sparse.realsize", std::to_string(kSize)}}}));
  const struct stat info = host_stat("f");
  EXPECT_EQ(static_cast<std::uint64_t>(info.st_size), kSize);
  EXPECT_LT(info.st_blocks, 200);
  const std::string whole = host_content("f");
  EXPECT_EQ(whole.substr(50'000'000, 3), "abc");
  EXPECT_EQ(whole.substr(50'000'003, 3), std::string(3, '\0'));
}

TEST_F(Import, WalksDeepTrees) {
  TarBuilder tar;
  std::string path;
  for (int i = 0; i < 1500; ++i) {
    path += "d/";
  }
  tar.file(path + "leaf", "deep");
  import_good(tar);
  EXPECT_EQ(tree().read_file(path + "leaf"), "deep");
}

TEST_F(Import, ReadsAPipeToItsEnd) {
  // Tar pads its output; a writer that is cut off there would report a failure.
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const pid_t writer = ::fork();
  if (writer == 0) {
    const std::string padded = TarBuilder().file("f", "x").done() + std::string(1 << 20, '\0');
    ::close(ends[0]);
    ::_exit(::write(ends[1], padded.data(), padded.size()) == static_cast<ssize_t>(padded.size())
                ? 0
                : 1);
  }
  ::close(ends[1]);
  const UniqueFd reading(ends[0]);
  const auto done =
      import({.fd = reading.get(), .name = "pipe", .layout = std::nullopt}, Layout::mapped_xattr);
  EXPECT_TRUE(done);
  int status = -1;
  ::waitpid(writer, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST_F(Import, WritesMappedFileTreesToo) {
  import_good(TarBuilder()
                  .directory("d")
                  .add({.name = "d/su", .mode = 04755, .uid = 1, .content = "x"})
                  .hard_link("d/too", "d/su")
                  .symlink("l", "d"),
              Layout::mapped_file);
  EXPECT_EQ(host_content("d/.virtfs_metadata/su"),
            "virtfs.uid=1\nvirtfs.gid=0\nvirtfs.mode=35309\n");
  EXPECT_EQ(host_stat("d/.virtfs_metadata/too").st_ino, host_stat("d/.virtfs_metadata/su").st_ino);
  EXPECT_EQ(tree(Layout::mapped_file).read_file("/l/su"), "x");
}

TEST_F(Import, WritesPlainTreesAsRoot) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "a plain tree has real owners and devices, which need root";
  }
  import_good(TarBuilder()
                  .add({.name = "su", .mode = 04755, .uid = 5, .gid = 6})
                  .symlink("l", "su")
                  .add({.name = "null", .type = '3', .mode = 0666, .major = 1, .minor = 3}),
              Layout::plain);
  EXPECT_EQ(host_stat("su").st_mode, S_IFREG | 04755U);
  EXPECT_EQ(host_stat("su").st_uid, 5U);
  EXPECT_TRUE(S_ISLNK(host_stat("l").st_mode));
  EXPECT_TRUE(S_ISCHR(host_stat("null").st_mode));
}

}  // namespace
}  // namespace nineroot::testing_support
