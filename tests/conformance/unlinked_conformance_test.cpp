// A fid is an inode: what becomes of fids whose name is gone, or another's.
#include <sys/stat.h>

#include "tests/conformance/conformance.h"

namespace nineroot::test {
namespace {

using UnlinkedConformance = ConformanceTest;
INSTANTIATE_TEST_SUITE_P(Every, UnlinkedConformance, every_case(), name_of_case);

/// Everything that a program may do with an open file it has unlinked.
void use_all(Client9p& client, std::uint32_t fid, bool has_user_xattrs) {
  EXPECT_EQ(client.getattr(fid)->nlink, 0U);
  EXPECT_TRUE(client.chmod(fid, 0751));
  EXPECT_EQ(client.getattr(fid)->mode, S_IFREG | 0751U);
  EXPECT_TRUE(client.truncate(fid, 3));
  EXPECT_EQ(client.getattr(fid)->size, 3U);
  wire::Tsetattr change;
  change.fid = fid;
  change.valid = wire::kSetUid | wire::kSetMtime | wire::kSetMtimeSet;
  change.uid = ::geteuid();
  change.mtime_sec = 5;
  EXPECT_TRUE(client.ask<wire::Rsetattr>(change));
  EXPECT_EQ(client.getattr(fid)->mtime_sec, 5U);
  if (has_user_xattrs) {
    EXPECT_TRUE(client.set_xattr(fid, 70, "user.x", "value"));
    EXPECT_EQ(client.get_xattr(fid, 70, "user.x"), "value");
  }
  EXPECT_TRUE(client.ask<wire::Rstatfs>(wire::Tstatfs{.fid = fid}));
  // open("/proc/self/fd/N").
  ASSERT_TRUE(client.walk(fid, 71));
  ASSERT_TRUE(client.open(71, O_RDWR));
  EXPECT_EQ(client.write(71, 0, "new"), 3U);
  EXPECT_EQ(client.read(71, 0, 10), "new");
  EXPECT_TRUE(client.clunk(71));
}

TEST_P(UnlinkedConformance, OpenFileLivesOnWithoutItsName) {
  ASSERT_TRUE(client.create(0, 1, "f", O_RDWR, 0644, 0));
  ASSERT_TRUE(client.write(1, 0, "0123456789"));
  ASSERT_TRUE(client.unlink(0, "f"));
  EXPECT_EQ(client.read(1, 0, 100), "0123456789");
  use_all(client, 1, true);
  EXPECT_ERRNO(ENOENT, client.walk(0, 2, {"f"}));
}

TEST_P(UnlinkedConformance, UnopenedFidLivesOnWithoutItsName) {
  make_file("f", "0123456789");
  ASSERT_TRUE(client.walk(0, 1, {"f"}));
  ASSERT_TRUE(client.unlink(0, "f"));
  use_all(client, 1, true);
}

TEST_P(UnlinkedConformance, NewFileOfTheSameNameIsAnotherFile) {
  make_file("f", "old");
  ASSERT_TRUE(client.walk(0, 1, {"f"}));
  ASSERT_TRUE(client.unlink(0, "f"));
  make_file("f", "new one");
  ASSERT_TRUE(client.walk(0, 2, {"f"}));
  EXPECT_NE(client.getattr(1)->qid.path, client.getattr(2)->qid.path);
  EXPECT_TRUE(client.chmod(1, 0600));
  EXPECT_EQ(client.getattr(2)->mode, S_IFREG | 0644U);
  EXPECT_TRUE(client.truncate(1, 0));
  EXPECT_EQ(client.getattr(2)->size, 7U);
}

TEST_P(UnlinkedConformance, ReplacedFileKeepsItsFids) {
  make_file("status", "old content");
  make_file("status-new", "new");
  ASSERT_TRUE(client.walk(0, 1, {"status"}));
  ASSERT_TRUE(client.walk(0, 2, {"status"}));
  ASSERT_TRUE(client.open(2, O_RDWR));
  ASSERT_TRUE(client.rename(0, "status-new", 0, "status"));
  EXPECT_EQ(client.getattr(1)->size, 11U);
  EXPECT_EQ(client.getattr(1)->nlink, 0U);
  EXPECT_EQ(client.read(2, 0, 100), "old content");
  EXPECT_TRUE(client.chmod(1, 0700));
  EXPECT_EQ(client.write(2, 0, "OLD"), 3U);
  ASSERT_TRUE(client.walk(0, 3, {"status"}));
  EXPECT_EQ(client.getattr(3)->mode, S_IFREG | 0644U);
  EXPECT_EQ(read_host_file(served.path() / "status"), "new");
}

TEST_P(UnlinkedConformance, RenamedFileIsFollowed) {
  make_file("a", "A");
  ASSERT_TRUE(client.walk(0, 1, {"a"}));
  ASSERT_TRUE(client.chmod(1, 0711));
  ASSERT_TRUE(client.rename(0, "a", 0, "b"));
  EXPECT_EQ(client.getattr(1)->nlink, 1U);
  EXPECT_EQ(client.getattr(1)->mode, S_IFREG | 0711U);
  ASSERT_TRUE(client.open(1, O_RDONLY));
  EXPECT_EQ(client.read(1, 0, 10), "A");
}

TEST_P(UnlinkedConformance, FidsBelowARenamedDirectoryStayGood) {
  const auto make_dir = [&](std::string_view name) {
    ASSERT_TRUE(
        client.ask<wire::Rmkdir>(wire::Tmkdir{.dfid = 0, .name = name, .mode = 0755, .gid = 0}));
  };
  make_dir("old");
  make_dir("other");
  ASSERT_TRUE(client.walk(0, 1, {"old"}));
  make_file("f", "content", 1);
  ASSERT_TRUE(client.walk(1, 2, {"f"}));
  ASSERT_TRUE(client.walk(0, 3, {"other"}));
  ASSERT_TRUE(client.rename(0, "old", 3, "new"));
  EXPECT_EQ(client.getattr(2)->size, 7U);
  make_file("g", "", 1);
  EXPECT_TRUE(std::filesystem::exists(served.path() / "other/new/g"));
  ASSERT_TRUE(client.walk(1, 4, {".."}));
  EXPECT_EQ(client.getattr(4)->qid, client.getattr(3)->qid);
}

TEST_P(UnlinkedConformance, RemovedDirectoryThatIsOpenReadsEmpty) {
  ASSERT_TRUE(
      client.ask<wire::Rmkdir>(wire::Tmkdir{.dfid = 0, .name = "d", .mode = 0755, .gid = 0}));
  ASSERT_TRUE(client.walk(0, 1, {"d"}));
  ASSERT_TRUE(client.walk(0, 2, {"d"}));
  ASSERT_TRUE(client.open(2, O_RDONLY));
  ASSERT_TRUE(client.unlink(0, "d", wire::kUnlinkRemoveDir));
  const auto entries = client.readdir(2, 0, 1000);
  ASSERT_TRUE(entries);
  EXPECT_TRUE(entries->empty());
  EXPECT_TRUE(S_ISDIR(client.getattr(1)->mode));
  EXPECT_EQ(client.getattr(1)->nlink, 0U);
  EXPECT_ERRNO(ENOENT, client.create(1, 3, "f", O_RDWR, 0600, 0));
}

TEST_P(UnlinkedConformance, OneOfTwoNamesGoesAndTheOtherStays) {
  make_file("a", "both");
  ASSERT_TRUE(client.walk(0, 1, {"a"}));
  ASSERT_TRUE(client.ask<wire::Rlink>(wire::Tlink{.dfid = 0, .fid = 1, .name = "b"}));
  ASSERT_TRUE(client.unlink(0, "a"));
  EXPECT_EQ(client.getattr(1)->nlink, 1U);
  EXPECT_TRUE(client.chmod(1, 0700));
  ASSERT_TRUE(client.walk(0, 2, {"b"}));
  EXPECT_EQ(client.getattr(2)->mode, S_IFREG | 0700U);
}

TEST_P(UnlinkedConformance, FileThatTheHostDeletedLivesOn) {
  make_file("f", "still here");
  ASSERT_TRUE(client.walk(0, 1, {"f"}));
  std::filesystem::remove(served.path() / "f");
  EXPECT_EQ(client.getattr(1)->nlink, 0U);
  ASSERT_TRUE(client.open(1, O_RDONLY));
  EXPECT_EQ(client.read(1, 0, 100), "still here");
}

}  // namespace
}  // namespace nineroot::test
