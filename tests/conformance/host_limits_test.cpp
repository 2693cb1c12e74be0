// Limits of real file systems, on images mounted for the test: full disks, quotas, link counts,
// large xattrs, and a disk that cannot keep what it took.
#include "tests/conformance/posix.h"
#include "tests/support/failing_fs.h"
#include "tests/support/mounts.h"

namespace nineroot::test {
namespace {

constexpr std::uint32_t kDisk = 1;  ///< The root of the mounted file system.
constexpr std::uint32_t kFree = 50;

class HostLimits : public PosixTest {
 protected:
  [[nodiscard]] std::filesystem::path at() const { return served.path() / "disk"; }

  void use(const Mount& mount) {
    ASSERT_TRUE(mount.is_mounted());
    ASSERT_TRUE(client.walk(0, kDisk, {"disk"}));
  }

  /// Writes until the disk says no, a block at a time; returns what it said and the bytes written.
  std::pair<Errno, std::uint64_t> fill(std::uint32_t fid, std::size_t block) {
    const std::string data(block, 'f');
    std::uint64_t total = 0;
    while (total < 1U << 30U) {
      const auto written = client.write(fid, total, data);
      if (!written) {
        return {written.error(), total};
      }
      EXPECT_GT(*written, 0U);
      total += *written;
    }
    return {Errno{}, total};
  }
};
INSTANTIATE_TEST_SUITE_P(Every, HostLimits, every_identity(), name_of_identity);

#define MOUNT_OR_SKIP(mount)                                                          \
  if (!(mount).is_mounted()) {                                                        \
    GTEST_SKIP() << "mounting an image needs root, loop devices and the type's mkfs"; \
  }                                                                                   \
  use(mount)

TEST_P(HostLimits, FullDiskIsEnospcAndLosesNothing) {
  const Mount disk = Mount::image(at(), "ext4", 8, "-q -F");
  MOUNT_OR_SKIP(disk);
  ASSERT_TRUE(calls.touch("before", "kept", kDisk));
  ASSERT_TRUE(client.create(kDisk, 2, "big", O_RDWR, 0644, 0));
  const auto [error, written] = fill(2, 60'000);
  EXPECT_EQ(error, Errno{ENOSPC});
  EXPECT_GT(written, 1U << 20U);
  EXPECT_EQ(client.getattr(2)->size, written);
  EXPECT_TRUE(calls.fsync(2));
  EXPECT_EQ(client.read(2, written - 3, 100), "fff");
  EXPECT_EQ(client.write(2, 0, "over"), 4U);  // What has its blocks can be written over.
  ASSERT_TRUE(client.walk(kDisk, 3, {"before"}));
  ASSERT_TRUE(client.open(3, O_RDONLY));
  EXPECT_EQ(client.read(3, 0, 100), "kept");
  EXPECT_TRUE(client.unlink(kDisk, "big"));
  EXPECT_TRUE(client.clunk(2));
  EXPECT_TRUE(calls.touch("after", std::string(1000, 'a'), kDisk));
}

TEST_P(HostLimits, NoMoreInodesIsEnospcAndLeavesNoHalves) {
  const Mount disk = Mount::image(at(), "ext4", 8, "-q -F -N 64");
  MOUNT_OR_SKIP(disk);
  std::multiset<std::string> expected{"lost+found"};
  Result<void> made;
  for (int i = 0; i < 200 && made; ++i) {
    const std::string name = std::to_string(i);
    made = i % 2 == 0 ? calls.touch(name, "", kDisk) : calls.mkdir(name, 0755, kDisk);
    if (made) {
      expected.insert(name);
    }
  }
  EXPECT_ERRNO(ENOSPC, made);
  EXPECT_ERRNO(ENOSPC, calls.symlink("x", "symlink", kDisk));
  EXPECT_ERRNO(ENOSPC, calls.mknod("fifo", S_IFIFO | 0644, 0, 0, kDisk));
  EXPECT_EQ(calls.names(kDisk), expected);
}

/// With one identity only: 65,000 links take their time.
TEST(HostLinks, TooManyAreEmlink) {
  ServedTree served;
  Client9p& client = served.client();
  Calls calls(client);
  const auto at = served.path() / "disk";
  const Mount disk = Mount::image(at, "ext4", 24, "-q -F");
  if (!disk.is_mounted()) {
    GTEST_SKIP() << "mounting an image needs root, loop devices and mkfs.ext4";
  }
  ASSERT_TRUE(client.walk(0, kDisk, {"disk"}));
  ASSERT_TRUE(calls.touch("f", "", kDisk));
  constexpr int kExt4Links = 65'000;
  for (int i = 2; i < kExt4Links; ++i) {
    ASSERT_EQ(::link((at / "f").c_str(), (at / std::to_string(i)).c_str()), 0);
  }
  ASSERT_TRUE(client.walk(kDisk, 2, {"f"}));
  EXPECT_TRUE(calls.link(2, "last", kDisk));
  EXPECT_EQ(client.getattr(2)->nlink, 65'000U);
  EXPECT_ERRNO(EMLINK, calls.link(2, "more", kDisk));
  EXPECT_ERRNO(ENOENT, client.walk(kDisk, kFree, {"more"}));
  EXPECT_TRUE(client.unlink(kDisk, "last"));
  EXPECT_TRUE(calls.link(2, "more", kDisk));
}

TEST_P(HostLimits, QuotaIsEdquot) {
  const Mount disk = Mount::image(at(), "btrfs", 128, "-q");
  MOUNT_OR_SKIP(disk);
  const std::string path = at().string();
  if (!run_quietly("btrfs subvolume create " + path + "/sub && btrfs quota enable " + path +
                   " && btrfs qgroup limit 4M " + path + "/sub")) {
    GTEST_SKIP() << "no btrfs quotas here";
  }
  ASSERT_TRUE(client.walk(kDisk, 2, {"sub"}));
  ASSERT_TRUE(client.create(2, 3, "big", O_RDWR, 0644, 0));
  const auto [error, written] = fill(3, 60'000);
  EXPECT_EQ(error, Errno{EDQUOT});
  EXPECT_GT(written, 0U);
  EXPECT_EQ(client.getattr(3)->size, written);
  EXPECT_TRUE(client.unlink(2, "big"));
}

/// What a value of this size gives, on each type, as setxattr(2) of the host says.
TEST_P(HostLimits, LargeXattrsAreKeptOrRefusedClearly) {
  const Mount disk = Mount::image(at(), "xfs", 300, "-q");
  MOUNT_OR_SKIP(disk);
  ASSERT_TRUE(calls.touch("f", "", kDisk));
  ASSERT_TRUE(client.walk(kDisk, 2, {"f"}));
  std::string value(65'536, '\0');
  for (std::size_t i = 0; i < value.size(); ++i) {
    value[i] = static_cast<char>(i * 7);
  }
  for (const std::size_t size : {4096U, 65'535U, 65'536U}) {
    ASSERT_TRUE(client.set_xattr(2, kFree, "user.large", value.substr(0, size))) << size;
    EXPECT_EQ(client.get_xattr(2, kFree, "user.large"), value.substr(0, size)) << size;
  }
  EXPECT_ERRNO(E2BIG, client.ask<wire::Rxattrcreate>(wire::Txattrcreate{
                          .fid = 2, .name = "user.large", .attr_size = 65'537, .flags = 0}));
  EXPECT_TRUE(calls.remove_xattr(2, "user.large"));
  // Many: each is there, and listed.
  for (int i = 0; i < 500; ++i) {
    ASSERT_TRUE(client.set_xattr(2, kFree, "user.n" + std::to_string(i), std::to_string(i)));
  }
  const auto names = client.get_xattr(2, kFree, "");
  ASSERT_TRUE(names);
  for (int i = 0; i < 500; ++i) {
    EXPECT_NE(names->find("user.n" + std::to_string(i) + '\0'), std::string::npos) << i;
    EXPECT_EQ(client.get_xattr(2, kFree, "user.n" + std::to_string(i)), std::to_string(i));
  }
}

TEST_P(HostLimits, XattrThatExt4HasNoRoomForIsEnospc) {
  const Mount disk = Mount::image(at(), "ext4", 8, "-q -F");
  MOUNT_OR_SKIP(disk);
  ASSERT_TRUE(calls.touch("f", "", kDisk));
  ASSERT_TRUE(client.walk(kDisk, 2, {"f"}));
  ASSERT_TRUE(client.set_xattr(2, kFree, "user.small", "kept"));
  EXPECT_ERRNO(ENOSPC, client.set_xattr(2, kFree, "user.large", std::string(65'536, 'x')));
  Result<void> set;
  int count = 0;
  for (; count < 100 && set; ++count) {
    set = client.set_xattr(2, kFree, "user.n" + std::to_string(count), std::string(200, 'x'));
  }
  EXPECT_ERRNO(ENOSPC, set);
  EXPECT_GT(count, 2);
  EXPECT_EQ(client.get_xattr(2, kFree, "user.small"), "kept");
  EXPECT_ERRNO(ENODATA, client.get_xattr(2, kFree, "user.large"));
  // The owner is recorded beside them, and can still be changed.
  if (has_owners()) {
    EXPECT_TRUE(calls.chown(2, 12, 34));
    EXPECT_EQ(client.getattr(2)->uid, 12U);
  }
}

/// A disk whose image has no room: blocks that were promised cannot be written.
TEST_P(HostLimits, DataThatCannotReachTheDiskIsAnErrorOfFsync) {
  const TempDir images;
  const Mount small = Mount::tmpfs(images.path() / "small", "size=6m");
  if (!small.is_mounted()) {
    GTEST_SKIP() << "mounting needs root";
  }
  const Mount disk = Mount::image(at(), "ext4", 64, "-q -F -O ^has_journal", small.path());
  MOUNT_OR_SKIP(disk);
  ASSERT_TRUE(client.create(kDisk, 2, "big", O_RDWR, 0644, 0));
  const std::string data(60'000, 'x');
  Result<void> synced;
  for (std::uint64_t offset = 0; offset < 20'000'000 && synced; offset += data.size()) {
    const auto written = client.write(2, offset, data);
    synced = written ? Result<void>() : Result<void>(std::unexpected(written.error()));
  }
  if (synced) {
    synced = calls.fsync(2);
  }
  EXPECT_ERRNO(ENOSPC, synced);
}

/// Bad sectors: ext4 on an image on a file system that fails.
TEST_P(HostLimits, BadSectorsAreEio) {
  const TempDir images;
  FailingFs sectors(images.path() / "under");
  if (!sectors.is_mounted()) {
    GTEST_SKIP() << "mounting a FUSE file system needs root and /dev/fuse";
  }
  const Mount disk =
      Mount::image(at(), "ext4", 16, "-q -F -O ^has_journal", images.path() / "under");
  MOUNT_OR_SKIP(disk);
  const std::string data(50'000, 'd');
  ASSERT_TRUE(client.create(kDisk, 2, "f", O_RDWR, 0644, 0));
  ASSERT_EQ(client.write(2, 0, data), data.size());
  ASSERT_TRUE(calls.fsync(2));
  sectors.fail(FUSE_WRITE, EIO);
  EXPECT_EQ(client.write(2, 0, "lost"), 4U);  // Into the page cache.
  EXPECT_ERRNO(EIO, calls.fsync(2));
  sectors.repair();
  EXPECT_TRUE(calls.fsync(2));
  // Out of the page cache, so that the next read asks the disk.
  const UniqueFd host(::open((at() / "f").c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_EQ(::posix_fadvise(host.get(), 0, 0, POSIX_FADV_DONTNEED), 0);
  sectors.fail(FUSE_READ, EIO);
  EXPECT_ERRNO(EIO, client.read(2, 0, 1000));
  sectors.repair();
  EXPECT_EQ(client.read(2, 1000, 10), data.substr(0, 10));
}

}  // namespace
}  // namespace nineroot::test
