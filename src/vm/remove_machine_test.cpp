#include "vm/remove_machine.h"

#include <cstdlib>
#include <fstream>

#include <gtest/gtest.h>

#include "storage/scratch_directory.h"
#include "vm/runtime.h"

namespace nineroot::vm {
namespace {

namespace fs = std::filesystem;

class RemoveMachine : public ::testing::Test {
 protected:
  RemoveMachine() {
    ::setenv("NINEROOT_HOME", (scratch_.path() / "home").c_str(), 1);
    ::setenv("XDG_RUNTIME_DIR", scratch_.path().c_str(), 1);
    fs::create_directories(directory_ / "root/etc");
    std::ofstream(directory_ / "root/etc/hostname") << "deb\n";
    std::ofstream(directory_ / "machine.toml") << Settings{}.to_toml();
  }

  ~RemoveMachine() override {
    ::unsetenv("NINEROOT_HOME");
    ::unsetenv("XDG_RUNTIME_DIR");
  }

  storage::ScratchDirectory scratch_;
  fs::path directory_ = scratch_.path() / "home/machines/deb";
};

TEST_F(RemoveMachine, LeavesNothingBehind) {
  const Outcome<Machine> machine = find_machine("deb");
  ASSERT_TRUE(machine) << machine.error().text();
  const Outcome<void> removed = remove_machine(*machine);
  ASSERT_TRUE(removed) << removed.error().text();
  EXPECT_TRUE(fs::is_empty(scratch_.path() / "home/machines"));
  EXPECT_TRUE(fs::is_empty(scratch_.path() / "nineroot"));
}

TEST_F(RemoveMachine, RefusesOneThatRuns) {
  const Outcome<Machine> machine = find_machine("deb");
  ASSERT_TRUE(machine);
  const Outcome<RuntimeLock> lock = RuntimeLock::acquire(*machine);
  ASSERT_TRUE(lock);
  EXPECT_FALSE(remove_machine(*machine));
  EXPECT_TRUE(fs::exists(directory_ / "root/etc/hostname"));
}

TEST_F(RemoveMachine, RefusesTreesThatAreNotUnderTheHome) {
  const fs::path tree = scratch_.path() / "elsewhere";
  fs::create_directories(tree / "etc");
  const Outcome<Machine> bare = find_machine(tree.string());
  ASSERT_TRUE(bare);
  EXPECT_FALSE(remove_machine(*bare));
  fs::copy(directory_, tree / "deb", fs::copy_options::recursive);
  const Outcome<Machine> other = find_machine((tree / "deb").string());
  ASSERT_TRUE(other);
  EXPECT_FALSE(remove_machine(*other));
  EXPECT_TRUE(fs::exists(tree / "deb/machine.toml"));
}

}  // namespace
}  // namespace nineroot::vm
