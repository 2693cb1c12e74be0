#include "vm/host_changes.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "storage/scratch_directory.h"

namespace nineroot::vm {
namespace {

class HostChangesTest : public testing::Test {
 protected:
  HostChangesTest() {
    std::filesystem::create_directories(root / "a/b");
    std::ofstream(root / "a/b/file") << "seven!!";
    std::filesystem::create_directories(root / ".virtfs_metadata");
    std::ofstream(root / ".virtfs_metadata/a") << "x";
  }

  storage::ScratchDirectory scratch;
  std::filesystem::path root = scratch.path();
};

TEST_F(HostChangesTest, BecomeTasksThatSayWhatIsThere) {
  const HostChanges changes = {{"a/b/file", {.is_new = true, .has_content = true}}};
  const std::vector<agent::RefreshTask> tasks = tasks_for(root, changes, true);
  ASSERT_EQ(tasks.size(), 1U);
  struct stat status{};
  ASSERT_EQ(::stat((root / "a/b/file").c_str(), &status), 0);
  const agent::RefreshTask expected{.kind = agent::RefreshTask::Kind::path,
                                    .path = "a/b/file",
                                    .is_new = true,
                                    .has_content = true,
                                    .has_attributes = false,
                                    .is_directory = false,
                                    .is_quiet = true,
                                    .number = status.st_ino,
                                    .size = 7};
  EXPECT_EQ(tasks[0], expected);
}

TEST_F(HostChangesTest, AreDoneParentsFirstAndGoneFilesLastAndBackwards) {
  HostChanges changes;
  for (const char* path : {"a/b", "a", "gone/x", "gone", "a/b/file", ""}) {
    changes[path].add({.is_directory = true});
  }
  changes["gone/file"].add({});
  changes["gone/x/file"].add({});
  std::vector<std::string> order;
  for (const agent::RefreshTask& task : tasks_for(root, changes, false)) {
    order.push_back(task.path);
    EXPECT_EQ(task.number == 0, task.path.starts_with("gone"));
  }
  EXPECT_EQ(order, (std::vector<std::string>{"gone/x", "gone", "", "a", "a/b", "a/b/file",
                                             "gone/x/file", "gone/file"}));
}

TEST_F(HostChangesTest, OfTheSameNameAreOne) {
  HostChange change{.has_content = true, .is_directory = true};
  change.add({.is_new = true});
  EXPECT_TRUE(change.is_new);
  EXPECT_TRUE(change.has_content);
  EXPECT_FALSE(change.is_directory);
}

TEST_F(HostChangesTest, LeaveOutPathsThatNoGuestCanName) {
  HostChanges changes;
  changes[std::string(300, 'x')].add({});
  changes["a/../b"].add({});
  EXPECT_TRUE(tasks_for(root, changes, false).empty());
}

TEST_F(HostChangesTest, OfATreeAreAllBelowItButItsRecords) {
  HostChanges changes;
  EXPECT_TRUE(add_tree(root, "", 100, changes));
  EXPECT_EQ(changes.size(), 4U);
  EXPECT_FALSE(changes.contains(".virtfs_metadata"));
  HostChanges one;
  EXPECT_TRUE(add_tree(root, "a/b/file", 100, one));
  EXPECT_EQ(one.size(), 1U);
  HostChanges gone;
  EXPECT_TRUE(add_tree(root, "not/there", 100, gone));
  EXPECT_EQ(gone.size(), 1U);
}

TEST_F(HostChangesTest, OfATreeThatIsTooLargeAreNotGathered) {
  HostChanges changes;
  EXPECT_FALSE(add_tree(root, "", 2, changes));
}

}  // namespace
}  // namespace nineroot::vm
