#include "vm/process.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace nineroot::vm {
namespace {

using std::chrono::milliseconds;

std::string read_all(int fd) {
  std::string text;
  char buffer[256];
  ssize_t got = 0;
  while ((got = ::read(fd, buffer, sizeof buffer)) > 0) {
    text.append(buffer, static_cast<std::size_t>(got));
  }
  return text;
}

Process start(SpawnRequest request) {
  Outcome<Process> process = Process::spawn(request);
  EXPECT_TRUE(process) << process.error().text();
  return std::move(*process);
}

TEST(Process, TellsTheExitStatusOfAProgram) {
  Process process = start({.argv = {"sh", "-c", "exit 7"}});
  const ExitStatus status = process.wait();
  EXPECT_EQ(status.code, 7);
  EXPECT_FALSE(status.is_success());
  EXPECT_EQ(status.text(), "exited with status 7");
}

TEST(Process, SaysWhyAProgramCannotBeStarted) {
  const Outcome<Process> process = Process::spawn({.argv = {"/nonexistent/program"}});
  ASSERT_FALSE(process);
  EXPECT_EQ(process.error().what(), "cannot start /nonexistent/program");
  ASSERT_EQ(process.error().because().size(), 1U);
  EXPECT_NE(process.error().because().front().find("ENOENT"), std::string::npos);
}

TEST(Process, GivesStandardOutputAndInheritedDescriptorsAndNoOthers) {
  int out[2];
  int kept[2];
  ASSERT_EQ(::pipe2(out, O_CLOEXEC), 0);
  ASSERT_EQ(::pipe2(kept, O_CLOEXEC), 0);
  UniqueFd out_end(out[0]);
  UniqueFd kept_end(kept[0]);
  Process process =
      start({.argv = {"sh", "-c",
                      fmt::format("ls /proc/self/fd | tr '\\n' ' '; echo kept >&{}", kept[1])},
             .standard_output = out[1],
             .inherited = {kept[1]}});
  ::close(out[1]);
  ::close(kept[1]);
  EXPECT_TRUE(process.wait().is_success());
  EXPECT_EQ(read_all(kept_end.get()), "kept\n");
  // 3 is the folder that ls reads, unless that number is the kept one's.
  const std::string seen = read_all(out_end.get());
  EXPECT_NE(seen.find(fmt::format(" {} ", kept[1])), std::string::npos) << seen;
  EXPECT_EQ(seen.find(fmt::format(" {} ", kept[0])), std::string::npos) << seen;
}

TEST(Process, WaitGivesUpOnAProgramThatRunsAndASignalEndsIt) {
  Process process = start({.argv = {"sleep", "1000"}});
  EXPECT_FALSE(process.wait(milliseconds(10)));
  process.send(SIGTERM);
  EXPECT_EQ(process.wait().signal, SIGTERM);
  EXPECT_TRUE(process.wait(milliseconds(0)));
}

TEST(Process, IsKilledWhenItsOwnerGoes) {
  pid_t pid = -1;
  {
    Process process = start({.argv = {"sleep", "1000"}});
    pid = process.pid();
    EXPECT_EQ(::kill(pid, 0), 0);
  }
  EXPECT_EQ(::kill(pid, 0), -1);
  EXPECT_EQ(errno, ESRCH);
}

TEST(Process, StartsWithoutBlockedSignals) {
  sigset_t blocked;
  sigset_t before;
  ::sigemptyset(&blocked);
  ::sigaddset(&blocked, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &blocked, &before);
  Process process = start({.argv = {"sleep", "1000"}});
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  process.send(SIGTERM);
  EXPECT_EQ(process.wait().signal, SIGTERM);
}

TEST(Process, ForksABodyWhoseValueIsItsStatus) {
  Outcome<Process> process = Process::fork([] { return ::getpgrp() == ::getpid() ? 42 : 1; });
  ASSERT_TRUE(process);
  EXPECT_EQ(process->wait().code, 42);
}

TEST(ProcessIdentity, ReachesTheVeryProcessAndNoOther) {
  Process process = start({.argv = {"sleep", "1000"}});
  const std::optional<ProcessIdentity> identity = ProcessIdentity::of(process.pid());
  ASSERT_TRUE(identity);
  ProcessIdentity other = *identity;
  other.start_time += 1;
  EXPECT_EQ(send_signal(other, SIGKILL), fail(ESRCH));
  EXPECT_TRUE(send_signal(*identity, SIGTERM));
  EXPECT_EQ(process.wait().signal, SIGTERM);
  EXPECT_EQ(send_signal(*identity, SIGTERM), fail(ESRCH));
}

}  // namespace
}  // namespace nineroot::vm
