// Copying an existing tree, and what happens when the target's file system is not up to it.
#include <sys/mount.h>

#include "storage/remove_tree.h"
#include "storage/xattr_probe.h"
#include "tests/storage/importing.h"

namespace nineroot::testing_support {
namespace {

namespace fs = std::filesystem;
using storage::GuestTree;
using storage::Layout;
using testing::HasSubstr;

class Copy : public Importing {
 protected:
  Outcome<storage::Import::Done> copy_from(const fs::path& source, Layout layout) const {
    const UniqueFd fd(::open(source.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    return import({.fd = fd.get(), .name = source.string(), .layout = layout},
                  Layout::mapped_xattr);
  }

  [[nodiscard]] fs::path source() const { return outside() / "source"; }
};

TEST_F(Copy, OfAMappedTreeIsItsEqual) {
  import_good(TarBuilder()
                  .directory("d", 01777)
                  .add({.name = "d/su",
                        .mode = 04755,
                        .uid = 3,
                        .gid = 4,
                        .mtime = 1234,
                        .content = "content",
                        .pax = {{"SCHILY.xattr.security.capability", "cap"},
                                {"SCHILY.xattr.user.mime", "text"}}})
                  .hard_link("d/too", "d/su")
                  .symlink("link", "d/su")
                  .add({.name = "null", .type = '3', .mode = 0666, .major = 1, .minor = 3}));
  fs::rename(root(), source());
  fs::create_directory(root());
  const auto done = copy_from(source(), Layout::mapped_xattr);
  ASSERT_TRUE(done) << done.error().text();
  const GuestTree copy = tree();
  EXPECT_EQ(copy.stat("/d")->mode, S_IFDIR | 01777U);
  EXPECT_EQ(copy.stat("/link")->uid, 3U);
  EXPECT_EQ(copy.stat("/link")->mode, S_IFREG | 04755U);
  EXPECT_EQ(copy.read_file("/d/too"), "content");
  EXPECT_EQ(host_stat("d/too").st_ino, host_stat("d/su").st_ino);
  EXPECT_EQ(host_stat("d/su").st_mtim.tv_sec, 1234);
  EXPECT_EQ(host_xattr("d/su", "user.virtfs.security.capability"), "cap");
  EXPECT_EQ(host_xattr("d/su", "user.mime"), "text");
  EXPECT_EQ(copy.stat("/null")->rdev, 0x103U);
  EXPECT_EQ(copy.stat("/null")->mode, S_IFCHR | 0666U);
}

TEST_F(Copy, OfAPlainTreeKeepsItsRealOwners) {
  fs::create_directories(source() / "d");
  std::ofstream(source() / "d/f") << "x";
  fs::permissions(source() / "d/f", fs::perms(0640));
  fs::create_symlink("/etc/passwd", source() / "link");
  ASSERT_EQ(::mkfifo((source() / "pipe").c_str(), 0600), 0);
  const auto done = copy_from(source(), Layout::plain);
  ASSERT_TRUE(done) << done.error().text();
  EXPECT_EQ(tree().stat("/d/f")->mode, S_IFREG | 0640U);
  EXPECT_EQ(tree().stat("/d/f")->uid, ::geteuid());
  EXPECT_EQ(tree().read_link("/link"), "/etc/passwd");
  EXPECT_EQ(tree().stat("/pipe")->mode, S_IFIFO | 0600U);
}

TEST_F(Copy, GoesDeeperThanDescriptorsLast) {
  fs::create_directory(source());
  const GuestTree from = std::move(GuestTree::open(source(), Layout::mapped_xattr).value());
  std::string path;
  for (int i = 0; i < 1200; ++i) {
    path += "/d";
  }
  ASSERT_TRUE(from.make_directories(path));
  ASSERT_TRUE(from.write_file(path + "/leaf", "deep"));
  ASSERT_TRUE(from.write_file("/d/d/zz", "on the way back"));
  const auto done = copy_from(source(), Layout::mapped_xattr);
  ASSERT_TRUE(done) << done.error().text();
  EXPECT_EQ(tree().read_file(path + "/leaf"), "deep");
  EXPECT_EQ(tree().read_file("/d/d/zz"), "on the way back");
  EXPECT_TRUE(storage::remove_tree(source().string()));
  EXPECT_FALSE(fs::exists(source()));
}

TEST_F(Copy, KeepsHoles) {
  fs::create_directory(source());
  const UniqueFd file(::open((source() / "f").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  ASSERT_EQ(::pwrite(file.get(), "abc", 3, 50'000'000), 3);
  ASSERT_EQ(::ftruncate(file.get(), 100'000'000), 0);
  ASSERT_TRUE(copy_from(source(), Layout::plain));
  EXPECT_EQ(host_stat("f").st_size, 100'000'000);
  EXPECT_LT(host_stat("f").st_blocks, 200);
  EXPECT_EQ(host_content("f").substr(50'000'000, 3), "abc");
}

/// A small file system mounted on the tree's root, which only root can do.
class SmallFileSystem : public Importing {
 protected:
  void mount(const char* type, const char* options) {
    if (::geteuid() != 0) {
      GTEST_SKIP() << "mounting a file system for the test needs root";
    }
    if (::mount("none", root().c_str(), type, 0, options) != 0) {
      GTEST_SKIP() << "cannot mount a " << type << " here";
    }
    is_mounted_ = true;
  }

  ~SmallFileSystem() override {
    if (is_mounted_) {
      ::umount2(root().c_str(), MNT_DETACH);
    }
  }

  bool is_mounted_ = false;
};

TEST_F(SmallFileSystem, IsReportedWhenFull) {
  ASSERT_NO_FATAL_FAILURE(mount("tmpfs", "size=1m"));
  if (IsSkipped()) {
    return;
  }
  const std::string text = failure_of(TarBuilder().file("big", std::string(4 << 20, 'x')).done());
  EXPECT_THAT(text, HasSubstr("cannot write big"));
  EXPECT_THAT(text, HasSubstr("ENOSPC"));
  EXPECT_THAT(text, HasSubstr("hint: make room"));
}

TEST_F(SmallFileSystem, IsRefusedWithoutUserXattrs) {
  ASSERT_NO_FATAL_FAILURE(mount("ramfs", ""));
  if (IsSkipped()) {
    return;
  }
  const UniqueFd fd(::open(root().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const auto probed = storage::probe_layout(fd.get(), root().string(), Layout::mapped_xattr);
  ASSERT_FALSE(probed);
  EXPECT_THAT(probed.error().text(), HasSubstr("keeps no user extended attributes"));
  EXPECT_THAT(probed.error().text(), HasSubstr("hint: keep machines on ext4"));
  EXPECT_TRUE(fs::is_empty(root()));
  EXPECT_TRUE(storage::probe_layout(fd.get(), root().string(), Layout::mapped_file));
}

TEST_F(Importing, ProbesTheFileSystemOfATree) {
  const UniqueFd fd(::open(root().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const auto probed = storage::probe_layout(fd.get(), root().string(), Layout::mapped_xattr);
  EXPECT_TRUE(probed) << probed.error().text();
  EXPECT_TRUE(fs::is_empty(root()));
}

}  // namespace
}  // namespace nineroot::testing_support
