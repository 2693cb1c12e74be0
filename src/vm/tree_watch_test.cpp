#include "vm/tree_watch.h"

#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "storage/scratch_directory.h"

namespace nineroot::vm {
namespace {

namespace fs = std::filesystem;

class TreeWatchTest : public testing::Test {
 protected:
  TreeWatchTest() {
    fs::create_directories(root / "a/b");
    write("a/b/file");
  }

  void write(const std::string& path) const { std::ofstream(root / path) << "content"; }

  TreeWatch open(const std::vector<std::string>& paths = {""}) const {
    Outcome<TreeWatch> watch = TreeWatch::open(root, paths);
    EXPECT_TRUE(watch) << watch.error().text();
    return std::move(*watch);
  }

  // inotify tells at once: what the calls before this did has been queued.
  static HostChanges read(TreeWatch& watch) {
    HostChanges changes;
    const Outcome<bool> is_complete = watch.read(changes);
    EXPECT_TRUE(is_complete && *is_complete);
    return changes;
  }

  static std::vector<std::string> paths(const HostChanges& changes) {
    std::vector<std::string> list;
    for (const auto& [path, change] : changes) {
      list.push_back(path);
    }
    return list;
  }

  using Paths = std::vector<std::string>;

  storage::ScratchDirectory scratch;
  fs::path root = scratch.path();
};

TEST_F(TreeWatchTest, TellsNothingIfNothingHappens) {
  TreeWatch watch = open();
  EXPECT_EQ(watch.directories(), 3U);
  EXPECT_TRUE(read(watch).empty());
}

TEST_F(TreeWatchTest, TellsWhatHappensAndWhere) {
  TreeWatch watch = open();
  write("a/b/file");
  HostChanges changes = read(watch);
  EXPECT_EQ(paths(changes), Paths{"a/b/file"});
  EXPECT_TRUE(changes["a/b/file"].has_content);
  EXPECT_FALSE(changes["a/b/file"].is_new);
  fs::permissions(root / "a/b/file", fs::perms::owner_read);
  changes = read(watch);
  EXPECT_TRUE(changes["a/b/file"].has_attributes);
  EXPECT_FALSE(changes["a/b/file"].has_content);
  fs::rename(root / "a/b/file", root / "a/other");
  changes = read(watch);
  EXPECT_EQ(paths(changes), (Paths{"a/b/file", "a/other"}));
  EXPECT_TRUE(changes["a/other"].is_new);
  fs::remove(root / "a/other");
  EXPECT_EQ(paths(read(watch)), Paths{"a/other"});
}

TEST_F(TreeWatchTest, TellsOfTheRootItself) {
  TreeWatch watch = open();
  fs::permissions(root, fs::perms::owner_all | fs::perms::group_read);
  EXPECT_EQ(paths(read(watch)), Paths{""});
}

TEST_F(TreeWatchTest, FindsWhatWasMadeInANewDirectoryBeforeItWasWatched) {
  TreeWatch watch = open();
  fs::create_directories(root / "new/deep");
  write("new/deep/file");
  HostChanges changes = read(watch);
  EXPECT_EQ(paths(changes), (Paths{"new", "new/deep", "new/deep/file"}));
  EXPECT_TRUE(changes["new"].is_directory);
  EXPECT_TRUE(changes["new/deep/file"].is_new);
  write("new/deep/later");
  EXPECT_EQ(paths(read(watch)), Paths{"new/deep/later"});
}

TEST_F(TreeWatchTest, FollowsADirectoryThatIsMoved) {
  TreeWatch watch = open();
  fs::rename(root / "a", root / "z");
  EXPECT_EQ(paths(read(watch)), (Paths{"a", "z", "z/b", "z/b/file"}));
  write("z/b/file");
  EXPECT_EQ(paths(read(watch)), Paths{"z/b/file"});
  fs::create_directories(root / "a/b");
  EXPECT_EQ(paths(read(watch)), (Paths{"a", "a/b"}));
  write("a/b/file");
  EXPECT_EQ(paths(read(watch)), Paths{"a/b/file"});
  EXPECT_EQ(watch.directories(), 5U);
}

TEST_F(TreeWatchTest, LosesADirectoryThatIsMovedAway) {
  const storage::ScratchDirectory elsewhere;
  TreeWatch watch = open();
  fs::rename(root / "a", elsewhere.path() / "a");
  EXPECT_EQ(paths(read(watch)), Paths{"a"});
  std::ofstream(elsewhere.path() / "a/b/file") << "more";
  EXPECT_TRUE(read(watch).empty());
  EXPECT_EQ(watch.directories(), 1U);
}

TEST_F(TreeWatchTest, ForgetsADirectoryThatIsDeletedAndKnowsItAgainWhenMadeAgain) {
  TreeWatch watch = open();
  fs::remove_all(root / "a");
  read(watch);
  EXPECT_EQ(watch.directories(), 1U);
  fs::create_directories(root / "a");
  read(watch);
  write("a/again");
  EXPECT_EQ(paths(read(watch)), Paths{"a/again"});
}

TEST_F(TreeWatchTest, DoesNotFollowSymlinksOrTellOfRecords) {
  fs::create_directory_symlink(root / "a", root / "link");
  fs::create_directories(root / ".virtfs_metadata");
  TreeWatch watch = open();
  EXPECT_EQ(watch.directories(), 3U);
  write(".virtfs_metadata/a");
  write(".virtfs_metadata_root");
  EXPECT_TRUE(read(watch).empty());
}

TEST_F(TreeWatchTest, OfSomePathsTellsOfTheseAlone) {
  fs::create_directories(root / "other");
  TreeWatch watch = open({"a/b"});
  write("other/file");
  write("a/file");
  write("a/b/file");
  EXPECT_EQ(paths(read(watch)), Paths{"a/b/file"});
}

TEST_F(TreeWatchTest, RefusesWhatIsNoDirectory) {
  EXPECT_FALSE(TreeWatch::open(root, {"a/b/file"}));
  EXPECT_FALSE(TreeWatch::open(root, {"not-there"}));
}

TEST_F(TreeWatchTest, SaysThatSomeWereLostAndWatchesAllAgain) {
  TreeWatch watch = open();
  std::ifstream limit("/proc/sys/fs/inotify/max_queued_events");
  int most = 0;
  limit >> most;
  ASSERT_GT(most, 0);
  // Two different events in turn: equal ones that follow each other are made one.
  for (int i = 0; i <= most; i += 2) {
    write("a/x");
    fs::remove(root / "a/x");
  }
  fs::create_directories(root / "unseen");
  HostChanges changes;
  const Outcome<bool> is_complete = watch.read(changes);
  ASSERT_TRUE(is_complete);
  EXPECT_FALSE(*is_complete);
  read(watch);
  write("unseen/file");
  EXPECT_EQ(paths(read(watch)), Paths{"unseen/file"});
}

}  // namespace
}  // namespace nineroot::vm
