// A real `nineroot serve` with its sandbox, as a process of the test's.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "tests/support/client9p.h"
#include "tests/support/temp_dir.h"

namespace nineroot::test {

class ServerProcess {
 public:
  /// `arguments` follow `serve DIR --listen unix:...`.  Waits until it listens.
  explicit ServerProcess(const std::vector<std::string>& arguments = {})
      : ServerProcess(arguments, {}) {}

  /// Serves `tree`, or a directory of its own if that is empty.
  ServerProcess(const std::vector<std::string>& arguments, const std::filesystem::path& tree);
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  [[nodiscard]] const std::filesystem::path& tree() const { return tree_; }

  [[nodiscard]] UniqueFd connect() const;

  [[nodiscard]] pid_t pid() const { return pid_; }

  /// A line of /proc/PID/status, "VmRSS", "Seccomp" ...
  [[nodiscard]] std::string status_field(const std::string& name) const;

  [[nodiscard]] bool is_alive() const;

  /// Sends SIGTERM; returns the exit status, or -1 if it did not exit.
  int stop();

 private:
  TempDir own_tree_;
  std::filesystem::path tree_;
  TempDir sockets_;
  pid_t pid_ = -1;
};

/// Runs the program to its end; returns its exit status and what it said on standard error.
struct Finished {
  int status = 0;
  std::string standard_error;
};
[[nodiscard]] Finished run_program(const std::vector<std::string>& arguments);

}  // namespace nineroot::test
