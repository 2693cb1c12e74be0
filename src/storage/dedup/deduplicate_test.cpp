#include "storage/dedup/deduplicate.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include <fstream>

#include <gmock/gmock.h>

#include "base/unique_fd.h"
#include "storage/scratch_directory.h"

namespace nineroot::storage {
namespace {

// What a file system that can share data makes of it is tested on real ones, in tests/storage.

TEST(Deduplicate, SaysWhereNothingCanBeShared) {
  const ScratchDirectory scratch;
  struct statfs info{};
  ASSERT_EQ(::statfs(scratch.path().c_str(), &info), 0);
  if (info.f_type != EXT4_SUPER_MAGIC && info.f_type != TMPFS_MAGIC) {
    GTEST_SKIP() << "the file system of " << scratch.path() << " is neither ext4 nor tmpfs";
  }
  std::ofstream(scratch.path() / "file") << std::string(10'000, 'x');
  const UniqueFd root(::open(scratch.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  const DedupTree tree{.root = root.get(), .name = "web"};
  const auto done = deduplicate(std::span(&tree, 1), {.index = scratch.path() / "index"}, {});
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().text(), testing::HasSubstr("the file system of web ("));
  EXPECT_THAT(done.error().text(), testing::HasSubstr("cannot share data between files"));
  EXPECT_THAT(done.error().text(), testing::HasSubstr("hint: keep machines on btrfs"));
}

TEST(Deduplicate, OfNothingIsNothing) {
  const ScratchDirectory scratch;
  const auto done = deduplicate({}, {.index = scratch.path() / "index"}, {});
  ASSERT_TRUE(done);
  EXPECT_EQ(done->files, 0U);
}

}  // namespace
}  // namespace nineroot::storage
