// What is measured: each operation as 9P messages, and as the bare system calls that a server has
// to make for one of them.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bench/ring_driver/bare_calls.h"
#include "bench/ring_driver/client.h"

namespace nineroot::bench {

/// The tree that both work on; made by make_tree().
inline constexpr unsigned kFiles = 1000;
inline constexpr unsigned kListed = 100;

struct Operation {
  std::string name;
  /// What has to be there before; not timed.  Parts may be empty.
  std::function<void(Client&)> prepare;
  MakeRequest request;
  std::function<void(Client&)> clean;
  std::function<void(BareCalls&)> bare_prepare;
  /// The system calls of request `i`; empty if it needs none.
  std::function<void(BareCalls&, unsigned i)> bare;
  std::function<void(BareCalls&)> bare_clean;
  /// Requests in one run, at most kFiles.
  unsigned count = kFiles;
};

/// Fills an empty directory: `files` with kFiles files, `list` with kListed, `large`, `work`.  Each
/// with the records of the mapped format.  Throws std::system_error.
void make_tree(const std::string& path);

/// Version, attach, and the fids that the operations use.
void begin_session(Client& client);

// By what they are about.
[[nodiscard]] std::vector<Operation> lookups();
[[nodiscard]] std::vector<Operation> attributes();
[[nodiscard]] std::vector<Operation> contents();
[[nodiscard]] std::vector<Operation> names();

/// All of them.
[[nodiscard]] std::vector<Operation> operations();

}  // namespace nineroot::bench
