// Drivers on real file systems: as an ordinary user who owns a directory there.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "base/unique_fd.h"
#include "storage/dataset/btrfs.h"
#include "storage/dataset/capabilities.h"
#include "storage/dataset/driver.h"
#include "tests/storage/as_user.h"
#include "tests/support/mounts.h"

namespace nineroot::test {
namespace {

namespace fs = std::filesystem;
using storage::Driver;

struct Kind {
  const char* type;
  unsigned mebibytes;
  const char* driver;
};

UniqueFd open_directory(const fs::path& path) {
  return UniqueFd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

void write(const fs::path& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

std::string read(const fs::path& path) {
  std::ostringstream content;
  content << std::ifstream(path, std::ios::binary).rdbuf();
  return content.str();
}

class DataSet : public testing::TestWithParam<Kind> {
 protected:
  DataSet() : mount_(Mount::image(dir_.path() / "pool", GetParam().type, GetParam().mebibytes)) {}

  void SetUp() override {
    if (!mount_.is_mounted()) {
      GTEST_SKIP() << "mounting an image of " << GetParam().type << " needs root and its mkfs";
    }
    // Whoever is somebody else shall reach it.
    fs::permissions(dir_.path(), fs::perms(0755));
    fs::create_directory(home_);
    ASSERT_EQ(::chown(home_.c_str(), kOrdinaryUser, kOrdinaryUser), 0);
  }

  TempDir dir_;
  Mount mount_;
  fs::path home_ = dir_.path() / "pool" / "home";
};

TEST_P(DataSet, IsMadeSnapshottedClonedAndRemovedByAnOrdinaryUser) {
  as_user([this] {
    const auto system = storage::probe_capabilities(home_.string());
    ASSERT_TRUE(system) << system.error().text();
    EXPECT_EQ(system->type, GetParam().type);
    EXPECT_EQ(system->driver(), GetParam().driver);
    EXPECT_TRUE(system->has_exchange);
    EXPECT_TRUE(fs::is_empty(home_)) << "the probe left something";
    const auto driver = storage::driver_by_name(system->driver());
    ASSERT_NE(driver, nullptr);
    const UniqueFd home = open_directory(home_);
    ASSERT_TRUE(driver->create(home.get(), "live"));
    write(home_ / "live/file", "before");
    fs::create_directory(home_ / "snapshots");
    const UniqueFd live = open_directory(home_ / "live");
    const UniqueFd snapshots = open_directory(home_ / "snapshots");
    const auto found = storage::driver_of(live.get(), (home_ / "live").string());
    ASSERT_TRUE(found);
    EXPECT_EQ((*found)->name(), GetParam().driver);
    const storage::SnapshotTask task{.source = live.get(),
                                     .source_name = "live",
                                     .left_out = {},
                                     .parent = snapshots.get(),
                                     .name = "@"};
    auto done = driver->prepare(task, {});
    ASSERT_TRUE(done) << done.error().text();
    write(home_ / "live/file", "after ");
    write(home_ / "live/other", "other");
    done = driver->take(task, {});
    ASSERT_TRUE(done) << done.error().text();
    write(home_ / "live/file", "later");
    EXPECT_EQ(read(home_ / "snapshots/@/file"), "after ");
    EXPECT_EQ(read(home_ / "snapshots/@/other"), "other");
    const UniqueFd snapshot = open_directory(home_ / "snapshots/@");
    done = driver->clone({.source = snapshot.get(),
                          .source_name = "@",
                          .left_out = {},
                          .parent = home.get(),
                          .name = "clone"},
                         {});
    ASSERT_TRUE(done) << done.error().text();
    write(home_ / "clone/file", "changed");
    EXPECT_EQ(read(home_ / "snapshots/@/file"), "after ");
    for (const char* name : {"live", "clone"}) {
      EXPECT_TRUE(driver->remove(home.get(), name));
    }
    EXPECT_TRUE(driver->remove(snapshots.get(), "@"));
    EXPECT_TRUE(driver->remove(snapshots.get(), "@"));
    EXPECT_TRUE(fs::is_empty(home_ / "snapshots"));
  });
}

INSTANTIATE_TEST_SUITE_P(OnDisks, DataSet,
                         testing::Values(Kind{"btrfs", 128, "btrfs"}, Kind{"xfs", 320, "reflink"},
                                         Kind{"ext4", 32, "copy"}),
                         [](const auto& instance) { return std::string(instance.param.type); });

TEST(CopyDriver, SaysWhatDidNotFit) {
  const TempDir dir;
  const Mount mount = Mount::tmpfs(dir.path() / "small", "size=4m");
  if (!mount.is_mounted()) {
    GTEST_SKIP() << "mounting a tmpfs needs root";
  }
  const auto driver = storage::driver_by_name("copy");
  const UniqueFd home = open_directory(mount.path());
  ASSERT_TRUE(driver->create(home.get(), "live"));
  write(mount.path() / "live/big", std::string(std::size_t{3} << 20U, 'b'));
  const UniqueFd live = open_directory(mount.path() / "live");
  const auto done = driver->take({.source = live.get(),
                                  .source_name = "live",
                                  .left_out = {},
                                  .parent = home.get(),
                                  .name = "@"},
                                 {});
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().text().find("cannot copy live/big"), std::string::npos);
  EXPECT_NE(done.error().text().find("ENOSPC"), std::string::npos);
}

class Btrfs : public testing::Test {
 protected:
  Btrfs() : mount_(Mount::image(dir_.path() / "pool", "btrfs", 128)) {}

  void SetUp() override {
    if (!mount_.is_mounted()) {
      GTEST_SKIP() << "mounting an image of btrfs needs root and its mkfs";
    }
  }

  TempDir dir_;
  Mount mount_;
  fs::path pool_ = dir_.path() / "pool";
};

TEST_F(Btrfs, ReadOnlySnapshotsTakeNoChangeAndGoAllTheSame) {
  const UniqueFd pool = open_directory(pool_);
  ASSERT_TRUE(storage::btrfs::create(pool.get(), "a"));
  const UniqueFd a = open_directory(pool_ / "a");
  EXPECT_TRUE(storage::btrfs::is_subvolume(a.get()));
  EXPECT_EQ(storage::btrfs::create(pool.get(), "a").error(), Errno{EEXIST});
  ASSERT_TRUE(
      storage::btrfs::snapshot(a.get(), pool.get(), "s", storage::btrfs::Access::read_only));
  const UniqueFd s = open_directory(pool_ / "s");
  EXPECT_EQ(::openat(s.get(), "f", O_WRONLY | O_CREAT | O_CLOEXEC, 0600), -1);
  EXPECT_EQ(errno, EROFS);
  const auto parent = storage::btrfs::info(a.get());
  const auto child = storage::btrfs::info(s.get());
  ASSERT_TRUE(parent && child);
  EXPECT_EQ(child->parent_uuid, parent->uuid);
  EXPECT_NE(child->id, parent->id);
  EXPECT_TRUE(storage::btrfs::remove(pool.get(), "s"));
  EXPECT_FALSE(fs::exists(pool_ / "s"));
}

TEST_F(Btrfs, RemovesWhatIsNested) {
  const UniqueFd pool = open_directory(pool_);
  ASSERT_TRUE(storage::btrfs::create(pool.get(), "a"));
  const UniqueFd a = open_directory(pool_ / "a");
  ASSERT_TRUE(storage::btrfs::create(a.get(), "b"));
  write(pool_ / "a/b/f", "x");
  EXPECT_EQ(storage::btrfs::remove_at_once(pool.get(), "a").error(), Errno{ENOTEMPTY});
  EXPECT_TRUE(storage::btrfs::remove(pool.get(), "a"));
  EXPECT_FALSE(fs::exists(pool_ / "a"));
}

TEST_F(Btrfs, RefusesNamesThatAreNone) {
  const UniqueFd pool = open_directory(pool_);
  for (const std::string name : {"", ".", "..", "a/b"}) {
    EXPECT_FALSE(storage::btrfs::create(pool.get(), name)) << name;
  }
  EXPECT_EQ(storage::btrfs::create(pool.get(), std::string(256, 'n')).error(), Errno{ENAMETOOLONG});
}

}  // namespace
}  // namespace nineroot::test
