#include "storage/remove_tree.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "base/unique_fd.h"
#include "storage/scratch_directory.h"

namespace nineroot::storage {
namespace {

namespace fs = std::filesystem;

TEST(RemoveTree, RemovesFilesAndDirectories) {
  const ScratchDirectory scratch;
  fs::create_directories(scratch.path() / "tree/a/b");
  std::ofstream(scratch.path() / "tree/a/file") << "x";
  ASSERT_TRUE(remove_tree((scratch.path() / "tree/").string()));
  EXPECT_TRUE(fs::is_empty(scratch.path()));
}

TEST(RemoveTree, IsFineWithNothing) {
  const ScratchDirectory scratch;
  EXPECT_TRUE(remove_tree((scratch.path() / "none").string()));
  EXPECT_TRUE(remove_tree((scratch.path() / "none/none").string()));
  EXPECT_FALSE(remove_tree("/"));
}

TEST(RemoveTree, DoesNotFollowSymlinks) {
  const ScratchDirectory scratch;
  fs::create_directories(scratch.path() / "kept/inside");
  fs::create_directory(scratch.path() / "tree");
  fs::create_directory_symlink(scratch.path() / "kept", scratch.path() / "tree/link");
  fs::create_directory_symlink(scratch.path() / "kept", scratch.path() / "link");
  ASSERT_TRUE(remove_tree((scratch.path() / "tree").string()));
  ASSERT_TRUE(remove_tree((scratch.path() / "link").string()));
  EXPECT_TRUE(fs::exists(scratch.path() / "kept/inside"));
}

TEST(RemoveTree, OpensWhatIsLocked) {
  const ScratchDirectory scratch;
  fs::create_directories(scratch.path() / "tree/locked/inside");
  ::chmod((scratch.path() / "tree/locked").c_str(), 0);
  ASSERT_TRUE(remove_tree((scratch.path() / "tree").string()));
  EXPECT_TRUE(fs::is_empty(scratch.path()));
}

TEST(RemoveTree, GoesDeeperThanPathsAndDescriptors) {
  const ScratchDirectory scratch;
  UniqueFd at(::open(scratch.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (int i = 0; i < 1200; ++i) {
    ASSERT_EQ(::mkdirat(at.get(), "d", 0700), 0);
    at.reset(::openat(at.get(), "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  ASSERT_TRUE(remove_tree((scratch.path() / "d").string()));
  EXPECT_TRUE(fs::is_empty(scratch.path()));
}

}  // namespace
}  // namespace nineroot::storage
