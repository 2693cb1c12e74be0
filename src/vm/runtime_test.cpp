#include "vm/runtime.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>

#include <gtest/gtest.h>

#include "storage/scratch_directory.h"

namespace nineroot::vm {
namespace {

namespace fs = std::filesystem;

class RuntimeTest : public ::testing::Test {
 protected:
  RuntimeTest() {
    ::setenv("XDG_RUNTIME_DIR", scratch_.path().c_str(), 1);
    fs::create_directories(machine_.root);
  }

  ~RuntimeTest() override { ::unsetenv("XDG_RUNTIME_DIR"); }

  storage::ScratchDirectory scratch_;
  Machine machine_{.name = "deb",
                   .directory = scratch_.path() / "machines" / "deb",
                   .root = scratch_.path() / "machines" / "deb" / "root",
                   .settings = {}};
};

TEST_F(RuntimeTest, HasOneDirectoryForAllWaysToNameATree) {
  Machine bare = machine_;
  bare.directory.clear();
  bare.root = machine_.root / ".." / "root";
  const fs::path one = RuntimePaths::of(bare).directory;
  bare.root = machine_.root;
  EXPECT_EQ(RuntimePaths::of(bare).directory, one);
  Machine other = machine_;
  other.root = scratch_.path() / "elsewhere" / "deb" / "root";
  EXPECT_NE(RuntimePaths::of(machine_).directory, RuntimePaths::of(other).directory);
  EXPECT_EQ(RuntimePaths::of(machine_).directory.filename().string().substr(0, 4), "deb-");
}

TEST_F(RuntimeTest, KeepsSocketPathsWithinWhatTheKernelTakes) {
  machine_.name = std::string(64, 'n');
  EXPECT_LT(RuntimePaths::of(machine_).control_socket().string().size(),
            sizeof(sockaddr_un::sun_path));
  const fs::path deep = scratch_.path() / std::string(90, 'd');
  fs::create_directories(deep);
  ::setenv("XDG_RUNTIME_DIR", deep.c_str(), 1);
  EXPECT_LT(RuntimePaths::of(machine_).control_socket().string().size(),
            sizeof(sockaddr_un::sun_path));
}

TEST_F(RuntimeTest, GivesEachNamedGuestFilesOfItsOwnWithinTheMachines) {
  Machine named = machine_;
  named.run = std::string(16, 'n');
  const RuntimePaths first = RuntimePaths::of(machine_);
  RuntimePaths second = RuntimePaths::of(named);
  EXPECT_EQ(second.tree_lock(), first.tree_lock());
  EXPECT_NE(second.lock(), first.lock());
  EXPECT_EQ(second.directory.parent_path(), first.directory);
  second.directory /= "command";
  EXPECT_LT(second.control_socket().string().size(), sizeof(sockaddr_un::sun_path));
}

TEST_F(RuntimeTest, GuestsThatShareATreeRunTogetherUnderNamesOfTheirOwn) {
  Machine named = machine_;
  named.run = "b";
  EXPECT_TRUE(find_runs(machine_).empty());
  const Outcome<RuntimeLock> first = RuntimeLock::acquire(machine_, TreeUse::together);
  ASSERT_TRUE(first) << first.error().text();
  EXPECT_FALSE(is_running(named));
  {
    const Outcome<RuntimeLock> second = RuntimeLock::acquire(named, TreeUse::together);
    ASSERT_TRUE(second) << second.error().text();
    EXPECT_TRUE(is_running(named));
    ASSERT_TRUE(second->publish({.owner = {.pid = 43, .start_time = 7}}));
    EXPECT_EQ(find_running(machine_)->owner.pid, -1);
    ASSERT_EQ(find_runs(named).size(), 2U);
    EXPECT_EQ(find_runs(named)[1].run, "b");
    const Outcome<RuntimeLock> again = RuntimeLock::acquire(named, TreeUse::together);
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().what(), "deb is already running as b (process 43)");
    EXPECT_NE(again.error().hint().find("nineroot stop deb --name b"), std::string::npos);
  }
  EXPECT_FALSE(is_running(named));
  EXPECT_TRUE(is_running(machine_));
  EXPECT_EQ(find_runs(machine_).size(), 1U);
  EXPECT_EQ(not_running(named, "boot it").text(),
            "nineroot: deb is not running as b\n  hint: it runs otherwise: leave "
            "--name out\n");
}

TEST_F(RuntimeTest, AGuestThatSharesAndOneThatDoesNotExcludeEachOther) {
  Machine named = machine_;
  named.run = "b";
  {
    const Outcome<RuntimeLock> alone = RuntimeLock::acquire(machine_, TreeUse::alone);
    ASSERT_TRUE(alone);
    const Outcome<RuntimeLock> second = RuntimeLock::acquire(named, TreeUse::together);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().what(), "deb is already running");
    EXPECT_NE(second.error().hint().find("boot all of them with --shared"), std::string::npos);
  }
  const Outcome<RuntimeLock> shared = RuntimeLock::acquire(named, TreeUse::together);
  ASSERT_TRUE(shared) << shared.error().text();
  const Outcome<RuntimeLock> alone = RuntimeLock::acquire(machine_, TreeUse::alone);
  ASSERT_FALSE(alone);
  EXPECT_EQ(alone.error().what(), "deb is already running as b");
  EXPECT_NE(alone.error().hint().find("needs --shared"), std::string::npos);
}

TEST_F(RuntimeTest, ASecondOwnerIsRefusedUntilTheFirstIsGone) {
  EXPECT_FALSE(is_running(machine_));
  {
    const Outcome<RuntimeLock> first = RuntimeLock::acquire(machine_);
    ASSERT_TRUE(first) << first.error().text();
    EXPECT_TRUE(is_running(machine_));
    ASSERT_TRUE(find_running(machine_));
    EXPECT_EQ(find_running(machine_)->owner.pid, -1);
    ASSERT_TRUE(first->publish({.owner = {.pid = 42, .start_time = 7}, .kernel = "6.1"}));
    EXPECT_EQ(find_running(machine_)->owner.pid, 42);
    EXPECT_EQ(find_running(machine_)->kernel, "6.1");
    const Outcome<RuntimeLock> second = RuntimeLock::acquire(machine_);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().what(), "deb is already running (process 42)");
    EXPECT_TRUE(is_running(machine_));
  }
  EXPECT_FALSE(is_running(machine_));
  EXPECT_FALSE(find_running(machine_));
  EXPECT_TRUE(RuntimeLock::acquire(machine_));
}

TEST_F(RuntimeTest, AChildThatHasTheLockKeepsTheMachineRunning) {
  Outcome<Process> child = failure("not started");
  {
    const Outcome<RuntimeLock> lock = RuntimeLock::acquire(machine_);
    ASSERT_TRUE(lock);
    child = Process::spawn({.argv = {"sleep", "1000"}, .inherited = lock->fds()});
    ASSERT_TRUE(child) << child.error().text();
  }
  EXPECT_TRUE(is_running(machine_));
  child->send(SIGKILL);
  child->wait();
  EXPECT_FALSE(is_running(machine_));
}

TEST_F(RuntimeTest, RefusesADirectoryThatOthersCanEnter) {
  const fs::path base = scratch_.path() / "nineroot";
  fs::create_directory(base);
  ::chmod(base.c_str(), 0755);
  const Outcome<RuntimeLock> lock = RuntimeLock::acquire(machine_);
  ASSERT_FALSE(lock);
  EXPECT_NE(lock.error().what().find("is not this user's alone"), std::string::npos);
}

TEST(RunningState, ReadsBackWhatItWroteAndNothingFromRubbish) {
  const RunningState state{.owner = {.pid = 1, .start_time = 2},
                           .qemu = {.pid = 3, .start_time = 4},
                           .server = {.pid = 5, .start_time = 6},
                           .memory_mib = 512,
                           .cpus = 2,
                           .accelerator = "tcg",
                           .transport = "vhost-user",
                           .qemu_version = "11.1.3",
                           .kernel = "6.1.0-49-amd64",
                           .started = "2026-01-01T00:00:00Z"};
  const std::optional<RunningState> back = running_state_from_json(to_json(state));
  ASSERT_TRUE(back);
  EXPECT_EQ(to_json(*back), to_json(state));
  EXPECT_EQ(back->server.start_time, 6U);
  EXPECT_FALSE(running_state_from_json(""));
  EXPECT_FALSE(running_state_from_json("[1]"));
  EXPECT_EQ(running_state_from_json("{\"owner\": 3, \"cpus\": \"x\"}")->cpus, 0U);
}

}  // namespace
}  // namespace nineroot::vm
