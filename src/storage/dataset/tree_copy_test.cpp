// A tree copied twice: the second pass makes right what changed since the first.
#include "storage/dataset/tree_copy.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <thread>

#include <gtest/gtest.h>

#include "base/unique_fd.h"
#include "storage/dataset/origin.h"
#include "storage/scratch_directory.h"

namespace nineroot::storage {
namespace {

namespace fs = std::filesystem;

class TreeCopyTest : public testing::Test {
 protected:
  TreeCopyTest() {
    fs::create_directory(from_);
    fs::create_directory(to_);
  }

  static void write(const fs::path& path, const std::string& content) {
    std::ofstream(path, std::ios::binary) << content;
  }

  static std::string read(const fs::path& path) {
    std::ostringstream content;
    content << std::ifstream(path, std::ios::binary).rdbuf();
    return content.str();
  }

  static struct stat stat_of(const fs::path& path) {
    struct stat info{};
    EXPECT_EQ(::lstat(path.c_str(), &info), 0) << path;
    return info;
  }

  /// Until a further change of any file shows another ctime.
  void settle() const {
    struct statx info{};
    do {
      std::this_thread::yield();
      ASSERT_EQ(::statx(AT_FDCWD, from_.c_str(), 0, STATX_BASIC_STATS, &info), 0);
      for (const auto& entry : fs::recursive_directory_iterator(from_)) {
        struct statx one{};
        ASSERT_EQ(
            ::statx(AT_FDCWD, entry.path().c_str(), AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &one),
            0);
        info = is_settled(one) ? info : one;
      }
    } while (!is_settled(info));
  }

  [[nodiscard]] Outcome<TreeCopyCounts> copy(std::set<std::string> left_out = {}) const {
    const UniqueFd from(::open(from_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const UniqueFd to(::open(to_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return copy_tree({.root = from.get(), .name = from_.string(), .left_out = std::move(left_out)},
                     to.get());
  }

  ScratchDirectory scratch_;
  fs::path from_ = scratch_.path() / "from";
  fs::path to_ = scratch_.path() / "to";
};

TEST_F(TreeCopyTest, CopiesWhatThereIs) {
  fs::create_directories(from_ / "d/e");
  write(from_ / "d/f", "content");
  fs::permissions(from_ / "d/f", fs::perms(0640));
  ASSERT_EQ(::setxattr((from_ / "d/f").c_str(), "user.virtfs.uid", "\0\0\0\0", 4, 0), 0);
  fs::create_hard_link(from_ / "d/f", from_ / "d/e/again");
  fs::create_symlink("/nowhere", from_ / "link");
  ASSERT_EQ(::mkfifo((from_ / "fifo").c_str(), 0600), 0);
  fs::permissions(from_ / "d/e", fs::perms(0500));
  const timespec times[2] = {{.tv_sec = 1, .tv_nsec = 2}, {.tv_sec = 3, .tv_nsec = 4}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (from_ / "d").c_str(), times, 0), 0);
  const auto counts = copy();
  ASSERT_TRUE(counts) << counts.error().text();
  EXPECT_EQ(counts->entries, 6U);
  EXPECT_EQ(counts->unstable, 0U);
  EXPECT_EQ(read(to_ / "d/f"), "content");
  EXPECT_EQ(stat_of(to_ / "d/f").st_mode, S_IFREG | 0640U);
  EXPECT_EQ(::getxattr((to_ / "d/f").c_str(), "user.virtfs.uid", nullptr, 0), 4);
  EXPECT_EQ(stat_of(to_ / "d/f").st_ino, stat_of(to_ / "d/e/again").st_ino);
  EXPECT_EQ(fs::read_symlink(to_ / "link"), "/nowhere");
  EXPECT_EQ(stat_of(to_ / "fifo").st_mode, S_IFIFO | 0600U);
  EXPECT_EQ(stat_of(to_ / "d/e").st_mode, S_IFDIR | 0500U);
  EXPECT_EQ(stat_of(to_ / "d").st_mtim.tv_sec, 3);
  EXPECT_EQ(stat_of(to_ / "d").st_mtim.tv_nsec, 4);
}

TEST_F(TreeCopyTest, DoesAgainOnlyWhatHasChanged) {
  fs::create_directories(from_ / "d");
  for (const char* name : {"same", "changed", "gone", "d/same", "becomes-a-directory"}) {
    write(from_ / name, name);
  }
  ASSERT_NO_FATAL_FAILURE(settle());
  ASSERT_TRUE(copy());
  const struct stat same = stat_of(to_ / "d/same");
  write(from_ / "changed", "CHANGED");  // Of the same size.
  fs::remove(from_ / "gone");
  write(from_ / "d/new", "new");
  fs::remove(from_ / "becomes-a-directory");
  fs::create_directory(from_ / "becomes-a-directory");
  const auto counts = copy();
  ASSERT_TRUE(counts) << counts.error().text();
  EXPECT_EQ(counts->made, 3U);
  EXPECT_EQ(counts->removed, 1U);
  EXPECT_EQ(read(to_ / "changed"), "CHANGED");
  EXPECT_FALSE(fs::exists(to_ / "gone"));
  EXPECT_EQ(read(to_ / "d/new"), "new");
  EXPECT_TRUE(fs::is_directory(to_ / "becomes-a-directory"));
  EXPECT_EQ(stat_of(to_ / "d/same").st_ino, same.st_ino);
}

TEST_F(TreeCopyTest, DoesNotTrustAChangeThatIsTooYoung) {
  // Written, copied, and written again within one tick: nothing shows that but the suspicion.
  write(from_ / "f", "one");
  ASSERT_TRUE(copy());
  write(from_ / "f", "two");
  ASSERT_TRUE(copy());
  EXPECT_EQ(read(to_ / "f"), "two");
}

TEST_F(TreeCopyTest, FollowsChangedHardLinks) {
  write(from_ / "a", "a");
  fs::create_hard_link(from_ / "a", from_ / "b");
  write(from_ / "c", "c");
  ASSERT_TRUE(copy());
  fs::remove(from_ / "b");
  fs::create_hard_link(from_ / "c", from_ / "b");
  ASSERT_TRUE(copy());
  EXPECT_EQ(read(to_ / "b"), "c");
  EXPECT_EQ(stat_of(to_ / "b").st_ino, stat_of(to_ / "c").st_ino);
  EXPECT_EQ(stat_of(to_ / "a").st_nlink, 1U);
}

TEST_F(TreeCopyTest, LeavesOtherDataSetsOut) {
  fs::create_directories(from_ / "var/log");
  fs::create_directories(from_ / "home");
  write(from_ / "home/f", "x");
  write(from_ / "var/log/f", "x");
  write(from_ / "var/f", "x");
  ASSERT_EQ(::setxattr((from_ / "home").c_str(), "user.virtfs.uid", "\1\0\0\0", 4, 0), 0);
  ASSERT_TRUE(copy({"home", "var/log"}));
  EXPECT_TRUE(fs::is_empty(to_ / "home"));
  EXPECT_TRUE(fs::is_empty(to_ / "var/log"));
  EXPECT_TRUE(fs::exists(to_ / "var/f"));
  EXPECT_EQ(::getxattr((to_ / "home").c_str(), "user.virtfs.uid", nullptr, 0), 4);
}

TEST_F(TreeCopyTest, GoesAsDeepAsATreeCanBe) {
  int at = ::open(from_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  constexpr int kDepth = 1500;
  for (int i = 0; i < kDepth; ++i) {
    ASSERT_EQ(::mkdirat(at, "d", 0700), 0);
    const int next = ::openat(at, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ::close(at);
    at = next;
  }
  const UniqueFd deepest(at);
  const UniqueFd file(::openat(at, "leaf", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  const auto counts = copy();
  ASSERT_TRUE(counts) << counts.error().text();
  EXPECT_EQ(counts->entries, kDepth + 1U);
}

TEST_F(TreeCopyTest, SaysWhatItCannotCopy) {
  // Root, who may read everything, is somebody else meanwhile.
  constexpr uid_t kNobody = 65'534;
  write(from_ / "secret", "x");
  fs::permissions(from_ / "secret", fs::perms::none);
  if (::getuid() == 0) {
    for (const fs::path& path : {scratch_.path(), from_, to_}) {
      ASSERT_EQ(::chown(path.c_str(), kNobody, kNobody), 0);
    }
    ASSERT_EQ(::seteuid(kNobody), 0);
  }
  const auto counts = copy();
  ASSERT_EQ(::seteuid(::getuid()), 0);
  ASSERT_FALSE(counts);
  EXPECT_NE(counts.error().text().find("from/secret"), std::string::npos);
}

}  // namespace
}  // namespace nineroot::storage
