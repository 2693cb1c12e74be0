#include "storage/usage.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "base/unique_fd.h"
#include "storage/scratch_directory.h"

namespace nineroot::storage {
namespace {

namespace fs = std::filesystem;

Usage measure(const fs::path& path) {
  const UniqueFd root(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  UsageMeter meter;
  const auto usage = meter.measure(root.get(), path.string());
  EXPECT_TRUE(usage) << usage.error().text();
  EXPECT_EQ(meter.total().allocated, usage->allocated);
  return *usage;
}

TEST(UsageMeter, CountsHardLinksOnceAndFollowsNoSymlink) {
  const ScratchDirectory scratch;
  const Usage empty = measure(scratch.path());
  EXPECT_EQ(empty.inodes, 1U);
  std::ofstream(scratch.path() / "file") << std::string(100'000, 'x');
  fs::create_hard_link(scratch.path() / "file", scratch.path() / "again");
  fs::create_directory_symlink("/usr", scratch.path() / "link");
  ASSERT_EQ(::mkfifo((scratch.path() / "fifo").c_str(), 0600), 0);
  fs::create_directory(scratch.path() / "directory");
  const Usage usage = measure(scratch.path());
  EXPECT_EQ(usage.inodes, 5U);
  EXPECT_EQ(usage.logical, 100'000U);
  EXPECT_GE(usage.allocated - empty.allocated, 100'000U);
  EXPECT_LT(usage.allocated - empty.allocated, 200'000U);
}

TEST(UsageMeter, TellsHolesFromBytes) {
  const ScratchDirectory scratch;
  std::ofstream(scratch.path() / "file") << "x";
  fs::resize_file(scratch.path() / "file", 1U << 30U);
  const Usage usage = measure(scratch.path());
  EXPECT_EQ(usage.logical, 1U << 30U);
  EXPECT_LT(usage.allocated, 1U << 20U);
}

TEST(UsageMeter, AddsUp) {
  const ScratchDirectory scratch;
  fs::create_directories(scratch.path() / "a");
  fs::create_directories(scratch.path() / "b/c");
  UsageMeter meter;
  for (const char* name : {"a", "b"}) {
    const UniqueFd root(::open((scratch.path() / name).c_str(), O_PATH | O_CLOEXEC));
    ASSERT_TRUE(meter.measure(root.get(), name));
  }
  EXPECT_EQ(meter.total().inodes, 3U);
}

}  // namespace
}  // namespace nineroot::storage
