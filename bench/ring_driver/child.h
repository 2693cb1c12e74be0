// A child process of the benchmark: started, asked for its CPU time, ended.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace nineroot::bench {

class Child {
 public:
  /// Throws std::system_error.  The child's standard input is /dev/null.
  explicit Child(const std::vector<std::string>& command);
  /// SIGTERM, and SIGKILL after five seconds.
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// Nanoseconds, of all threads.
  [[nodiscard]] std::uint64_t cpu() const;

  [[nodiscard]] bool has_ended();

  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
};

/// Connects to a Unix socket as soon as it is there; throws std::runtime_error after 20 seconds, or
/// when `child` has ended.
[[nodiscard]] int connect_to(const std::string& path, Child& child);

}  // namespace nineroot::bench
