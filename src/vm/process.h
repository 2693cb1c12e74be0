// A program that we start and watch: spawned with chosen descriptors, held by a pidfd, so that a
// signal can never reach another process that was given the same number.
// What to start and when to end it is the caller's.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/failure.h"
#include "base/unique_fd.h"

namespace nineroot::vm {

/// What to start, and what of ours it gets.
struct SpawnRequest {
  std::vector<std::string> argv;  ///< argv[0] is a path, or a name to be found in $PATH.
  int standard_input = -1;        ///< -1: /dev/null.
  int standard_output = -1;       ///< -1: our own.
  int standard_error = -1;        ///< -1: our own.
  std::vector<int> inherited{};  ///< Kept open under their own numbers; all others must be CLOEXEC.
  bool has_own_group = true;     ///< Away from the terminal's signals.
  int death_signal = 0;          ///< Sent to it when the thread that spawned it ends; 0: none.
};

/// How a program ended.
struct ExitStatus {
  int code = 0;    ///< What it exited with.
  int signal = 0;  ///< Not 0: the signal that killed it.

  [[nodiscard]] bool is_success() const { return code == 0 && signal == 0; }

  /// "exited with status 3", "was killed by signal 9 (Killed)".
  [[nodiscard]] std::string text() const;
};

/// A running or ended child.  The destructor kills and reaps one that still runs.
class Process {
 public:
  /// Fails with the errno of execve when the program cannot be started.
  static Outcome<Process> spawn(const SpawnRequest& request);

  /// A copy of this process that runs `body` and exits with its value, in a process group of its
  /// own, with /dev/null as its standard input, and told to end (SIGTERM) when the calling thread
  /// ends.  Only before this process has other threads.
  static Outcome<Process> fork(const std::function<int()>& body);

  Process(Process&& other) noexcept;
  Process& operator=(Process&& other) noexcept;
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process();

  [[nodiscard]] pid_t pid() const { return pid_; }

  /// Readable once the program has ended.
  [[nodiscard]] int pidfd() const { return pidfd_.get(); }

  /// How it ended; nothing while it runs.  Waits up to `patience`.
  std::optional<ExitStatus> wait(std::chrono::milliseconds patience);

  /// Waits for as long as it takes.
  ExitStatus wait();

  /// Does nothing to one that has ended.
  void send(int signal) const;

 private:
  Process(pid_t pid, UniqueFd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}

  void end();

  pid_t pid_ = -1;
  UniqueFd pidfd_;
  std::optional<ExitStatus> ended_;
};

/// A process of any parent, told from a later one with the same number by its start time.
struct ProcessIdentity {
  pid_t pid = -1;
  std::uint64_t start_time = 0;  ///< Clock ticks since boot, field 22 of /proc/PID/stat.

  /// Nothing if there is no such process.
  static std::optional<ProcessIdentity> of(pid_t pid);
};

/// ESRCH if that very process is gone; EPERM if it is another user's.
Result<void> send_signal(const ProcessIdentity& process, int signal);

/// The path of this very program, for starting it anew with another verb.
Outcome<std::filesystem::path> self_executable();

}  // namespace nineroot::vm
