#include "storage/guest_tree.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/mapped_format.h"
#include "storage/scratch_directory.h"

namespace nineroot::storage {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;

void put_file(const fs::path& path, std::string_view content) {
  std::ofstream(path, std::ios::binary) << content;
}

void set_mode(const fs::path& path, std::uint32_t mode) {
  const auto bytes = mapped::encode_u32(mode);
  ASSERT_EQ(::setxattr(path.c_str(), mapped::kXattrMode, bytes.data(), bytes.size(), 0), 0)
      << "tests need a file system with user xattrs";
}

void put_mapped_symlink(const fs::path& path, std::string_view target) {
  put_file(path, target);
  set_mode(path, S_IFLNK | 0777);
}

GuestTree open_tree(const fs::path& root, std::optional<Layout> layout = std::nullopt) {
  auto tree = GuestTree::open(root, layout);
  if (!tree) {
    throw std::runtime_error(tree.error().text());
  }
  return std::move(*tree);
}

TEST(GuestTree, FindsTheLayoutOfATree) {
  const ScratchDirectory scratch;
  const fs::path root = scratch.path();
  put_file(root / "a", "");
  EXPECT_EQ(open_tree(root).layout(), Layout::plain);
  put_file(root / mapped::kMetadataRoot, "virtfs.uid=0\n");
  EXPECT_EQ(open_tree(root).layout(), Layout::mapped_file);
  set_mode(root / "a", S_IFREG | 0644);
  EXPECT_EQ(open_tree(root).layout(), Layout::mapped_xattr);
}

TEST(GuestTree, ReportsATreeThatIsNotThere) {
  const ScratchDirectory scratch;
  const auto tree = GuestTree::open(scratch.path() / "none");
  ASSERT_FALSE(tree);
  EXPECT_THAT(tree.error().text(), testing::HasSubstr("cannot open the tree"));
}

TEST(GuestTree, FollowsMappedSymlinksAsTheGuestDoes) {
  const ScratchDirectory scratch;
  const fs::path root = scratch.path();
  fs::create_directories(root / "usr/lib/modules");
  put_mapped_symlink(root / "lib", "usr/lib");
  put_file(root / "usr/lib/modules/x", "x");
  put_mapped_symlink(root / "usr/lib/abs", "/usr/lib/modules/x");
  const GuestTree tree = open_tree(root);
  EXPECT_EQ(tree.read_file("/lib/modules/x"), "x");
  EXPECT_EQ(tree.read_file("lib/abs"), "x");
  EXPECT_EQ(tree.canonical("/lib/modules/../abs"), "/usr/lib/modules/x");
  EXPECT_EQ(tree.read_link("/lib"), "usr/lib");
  EXPECT_TRUE(tree.stat_no_follow("/lib")->is_symlink());
  EXPECT_TRUE(tree.stat("/lib")->is_directory());
}

TEST(GuestTree, FollowsRealHostSymlinksInside) {
  const ScratchDirectory scratch;
  const fs::path root = scratch.path();
  put_file(root / "file", "inside");
  set_mode(root / "file", S_IFREG | 0600);
  fs::create_symlink("/file", root / "link");
  const GuestTree tree = open_tree(root);
  EXPECT_EQ(tree.layout(), Layout::mapped_xattr);
  EXPECT_EQ(tree.read_file("/link"), "inside");
  EXPECT_EQ(tree.read_link("/link"), "/file");
}

TEST(GuestTree, NeverLeavesItsRoot) {
  const ScratchDirectory scratch;
  const fs::path root = scratch.path() / "root";
  fs::create_directory(root);
  put_file(scratch.path() / "secret", "outside");
  put_mapped_symlink(root / "up", "../../secret");
  fs::create_symlink("../secret", root / "host_up");
  fs::create_symlink("/etc", root / "etc");
  const GuestTree tree = open_tree(root);
  EXPECT_EQ(tree.read_file("../secret"), fail(ENOENT));
  EXPECT_EQ(tree.read_file("/up"), fail(ENOENT));
  EXPECT_EQ(tree.read_file("/host_up"), fail(ENOENT));
  EXPECT_EQ(tree.read_file("/etc/passwd"), fail(ELOOP));
  EXPECT_EQ(tree.canonical("../../.."), "/");
}

TEST(GuestTree, GivesUpOnSymlinkLoops) {
  const ScratchDirectory scratch;
  put_mapped_symlink(scratch.path() / "a", "b");
  put_mapped_symlink(scratch.path() / "b", "a");
  const GuestTree tree = open_tree(scratch.path());
  EXPECT_EQ(tree.stat("/a"), fail(ELOOP));
  EXPECT_TRUE(tree.stat_no_follow("/a")->is_symlink());
}

TEST(GuestTree, AnswersOtherErrorsByCause) {
  const ScratchDirectory scratch;
  const fs::path root = scratch.path();
  put_file(root / "file", "0123456789");
  ASSERT_EQ(::mkfifo((root / "fifo").c_str(), 0600), 0);
  const GuestTree tree = open_tree(root);
  EXPECT_EQ(tree.read_file("/file/x"), fail(ENOTDIR));
  EXPECT_EQ(tree.read_file("/none"), fail(ENOENT));
  EXPECT_EQ(tree.read_file("/none/x"), fail(ENOENT));
  EXPECT_EQ(tree.read_file("/"), fail(EISDIR));
  EXPECT_EQ(tree.read_file("/fifo"), fail(EINVAL));
  EXPECT_EQ(tree.read_file("/file", 9), fail(EFBIG));
  EXPECT_EQ(tree.read_file(std::string(300, 'n')), fail(ENAMETOOLONG));
  EXPECT_EQ(tree.read_file(std::string_view("a\0b", 3)), fail(EINVAL));
  EXPECT_EQ(tree.read_link("/file"), fail(EINVAL));
  EXPECT_EQ(tree.list("/file"), fail(ENOTDIR));
}

TEST(GuestTree, WalksDeeperThanPathMax) {
  const ScratchDirectory scratch;
  const GuestTree tree = open_tree(scratch.path(), Layout::mapped_xattr);
  std::string deep;
  for (int i = 0; i < 25; ++i) {
    deep += "/" + std::string(200, 'd');
  }
  ASSERT_GT(deep.size(), 4096U);
  ASSERT_TRUE(tree.make_directories(deep));
  ASSERT_TRUE(tree.write_file(deep + "/leaf", "deep"));
  EXPECT_EQ(tree.read_file(deep + "/leaf"), "deep");
  EXPECT_EQ(tree.read_file(deep + "/../" + std::string(200, 'd') + "/leaf"), "deep");
}

class GuestTreeInEachLayout : public testing::TestWithParam<Layout> {
 protected:
  [[nodiscard]] GuestTree tree() const { return open_tree(scratch_.path(), GetParam()); }

  ScratchDirectory scratch_;
};

TEST_P(GuestTreeInEachLayout, WritesFilesAndKeepsTheirOwners) {
  const GuestTree guest = tree();
  const bool is_root = ::geteuid() == 0;
  const Ownership shadow{
      .mode = 0640, .uid = 0, .gid = is_root || GetParam() != Layout::plain ? 42U : ::getegid()};
  if (GetParam() == Layout::plain && !is_root) {
    GTEST_SKIP() << "a plain tree has real owners, which need root";
  }
  ASSERT_TRUE(guest.make_directories("/etc/deep/er"));
  ASSERT_TRUE(guest.write_file("/etc/shadow", "old", shadow));
  ASSERT_TRUE(guest.write_file("/etc/shadow", "new"));
  EXPECT_EQ(guest.read_file("/etc/shadow"), "new");
  const auto info = guest.stat("/etc/shadow");
  ASSERT_TRUE(info);
  EXPECT_EQ(info->mode, S_IFREG | 0640U);
  EXPECT_EQ(info->gid, 42U);
  EXPECT_EQ(info->size, 3U);
  EXPECT_EQ(guest.stat("/etc/deep")->mode, S_IFDIR | 0755U);
  EXPECT_THAT(*guest.list("/etc"), ElementsAre("deep", "shadow"));
}

TEST_P(GuestTreeInEachLayout, WritesThroughSymlinksAndReplacesThem) {
  const GuestTree guest = tree();
  ASSERT_TRUE(guest.make_directories("/run/systemd"));
  ASSERT_TRUE(guest.make_directories("/etc"));
  ASSERT_TRUE(guest.write_symlink("/etc/resolv.conf", "../run/systemd/resolv.conf"));
  ASSERT_TRUE(guest.write_file("/etc/resolv.conf", "through"));
  EXPECT_EQ(guest.read_file("/run/systemd/resolv.conf"), "through");
  EXPECT_EQ(guest.read_link("/etc/resolv.conf"), "../run/systemd/resolv.conf");
  ASSERT_TRUE(guest.write_symlink("/etc/resolv.conf", "/elsewhere"));
  EXPECT_EQ(guest.read_link("/etc/resolv.conf"), "/elsewhere");
  EXPECT_EQ(guest.stat_no_follow("/etc/resolv.conf")->mode, S_IFLNK | 0777U);
  EXPECT_EQ(guest.write_symlink("/etc", "x"), fail(EISDIR));
}

TEST_P(GuestTreeInEachLayout, RemovesFilesAndTheirRecords) {
  const GuestTree guest = tree();
  ASSERT_TRUE(
      guest.write_file("/a", "", Ownership{.mode = 04711, .uid = ::geteuid(), .gid = ::getegid()}));
  EXPECT_EQ(guest.stat("/a")->mode, S_IFREG | 04711U);
  ASSERT_TRUE(guest.remove_file("/a"));
  EXPECT_FALSE(guest.exists("/a"));
  ASSERT_TRUE(guest.remove_file("/a"));
  ASSERT_TRUE(guest.remove_file("/none/a"));
  ASSERT_TRUE(guest.write_file("/a", ""));
  EXPECT_EQ(guest.stat("/a")->mode, S_IFREG | 0644U);
}

INSTANTIATE_TEST_SUITE_P(, GuestTreeInEachLayout,
                         testing::Values(Layout::mapped_xattr, Layout::mapped_file, Layout::plain),
                         [](const auto& which) {
                           return which.param == Layout::mapped_xattr  ? "MappedXattr"
                                  : which.param == Layout::mapped_file ? "MappedFile"
                                                                       : "Plain";
                         });

TEST(GuestTree, HostModesOfAMappedTreeAreTheUsersAlone) {
  const ScratchDirectory scratch;
  const GuestTree tree = open_tree(scratch.path(), Layout::mapped_xattr);
  ASSERT_TRUE(tree.make_directories("/d"));
  ASSERT_TRUE(tree.write_file("/d/f", "", Ownership{.mode = 06777}));
  EXPECT_EQ(fs::status(scratch.path() / "d").permissions(), fs::perms::owner_all);
  EXPECT_EQ(fs::status(scratch.path() / "d/f").permissions(),
            fs::perms::owner_read | fs::perms::owner_write);
}

TEST(GuestTree, HidesTheMetadataOfMappedFileTrees) {
  const ScratchDirectory scratch;
  const GuestTree tree = open_tree(scratch.path(), Layout::mapped_file);
  ASSERT_TRUE(tree.write_file("/a", ""));
  EXPECT_THAT(*tree.list("/"), ElementsAre("a"));
  EXPECT_TRUE(fs::exists(scratch.path() / ".virtfs_metadata/a"));
  EXPECT_FALSE(tree.exists("/.virtfs_metadata"));
  EXPECT_EQ(tree.write_file("/.virtfs_metadata", ""), fail(EINVAL));
}

}  // namespace
}  // namespace nineroot::storage
