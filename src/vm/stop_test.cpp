#include "vm/stop.h"

#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>

#include <gtest/gtest.h>

#include "storage/scratch_directory.h"
#include "vm/runtime.h"

namespace nineroot::vm {
namespace {

using std::chrono::seconds;

constexpr seconds kPatience{20};

class StopMachine : public ::testing::Test {
 protected:
  StopMachine() {
    ::setenv("XDG_RUNTIME_DIR", scratch_.path().c_str(), 1);
    std::filesystem::create_directories(machine_.root);
  }

  ~StopMachine() override { ::unsetenv("XDG_RUNTIME_DIR"); }

  // A process that holds the machine's lock and is both its owner and its QEMU; SIGUSR1 ends it
  // only if it `obeys`.
  Process run_owner(bool obeys) {
    Outcome<Process> owner = Process::fork([this, obeys] {
      sigset_t wanted;
      ::sigemptyset(&wanted);
      ::sigaddset(&wanted, SIGUSR1);
      ::sigprocmask(SIG_BLOCK, &wanted, nullptr);
      const Outcome<RuntimeLock> lock = RuntimeLock::acquire(machine_);
      const ProcessIdentity self = *ProcessIdentity::of(::getpid());
      if (!lock || !lock->publish({.owner = self, .qemu = self})) {
        return 1;
      }
      while (true) {
        int signal = 0;
        ::sigwait(&wanted, &signal);
        if (obeys) {
          return 0;
        }
      }
    });
    EXPECT_TRUE(owner);
    while (!find_running(machine_) || find_running(machine_)->owner.pid <= 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return std::move(*owner);
  }

  storage::ScratchDirectory scratch_;
  Machine machine_{
      .name = "deb", .directory = {}, .root = scratch_.path() / "root", .settings = {}};
};

TEST_F(StopMachine, WaitsUntilTheOwnerHasEnded) {
  EXPECT_FALSE(*stop_machine(machine_, kPatience));
  Process owner = run_owner(true);
  const Outcome<bool> stopped = stop_machine(machine_, kPatience);
  ASSERT_TRUE(stopped) << stopped.error().text();
  EXPECT_TRUE(*stopped);
  EXPECT_TRUE(owner.wait().is_success());
}

TEST_F(StopMachine, WantsTheNameOfAGuestThatHasOne) {
  machine_.run = "b";
  Process owner = run_owner(true);
  Machine unnamed = machine_;
  unnamed.run.clear();
  const Outcome<bool> wrong = stop_machine(unnamed, kPatience);
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().hint().find("--name b"), std::string::npos);
  EXPECT_TRUE(is_running(machine_));
  const Outcome<bool> stopped = stop_machine(machine_, kPatience);
  ASSERT_TRUE(stopped) << stopped.error().text();
  EXPECT_TRUE(*stopped);
  EXPECT_TRUE(owner.wait().is_success());
}

TEST_F(StopMachine, LeavesAMachineThatDoesNotObeyRunningAndSaysHowToForceIt) {
  Process owner = run_owner(false);
  const Outcome<bool> stopped = stop_machine(machine_, seconds(0));
  ASSERT_FALSE(stopped);
  EXPECT_NE(stopped.error().hint().find("stop --force deb"), std::string::npos);
  EXPECT_TRUE(is_running(machine_));
  const Outcome<bool> killed = kill_machine(machine_, kPatience);
  ASSERT_TRUE(killed) << killed.error().text();
  EXPECT_EQ(owner.wait().signal, SIGKILL);
}

}  // namespace
}  // namespace nineroot::vm
