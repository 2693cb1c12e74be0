// A machine's tree kept from changing: by the gates of the servers that serve it, or, where none
// does, by the lock that keeps it from being booted.
#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "base/failure.h"
#include "base/unique_fd.h"
#include "vm/machine.h"
#include "vm/runtime.h"

namespace nineroot::vm {

/// One server's control socket (server/control.h).
class ServerGate {
 public:
  static Outcome<ServerGate> connect(const std::filesystem::path& control_socket);

  /// Fails if the server does not come to rest within `patience`; it goes on then.
  Outcome<void> close(std::chrono::milliseconds patience) const;

  /// From here on the gate stays closed even if this process dies.
  Outcome<void> hold() const;

  Outcome<void> open() const;

 private:
  explicit ServerGate(UniqueFd socket) : socket_(std::move(socket)) {}

  Outcome<void> ask(const std::string& line, std::string_view wanted,
                    std::chrono::milliseconds patience) const;

  UniqueFd socket_;
};

class StillTree {
 public:
  /// Finds out who serves the tree; nothing is held up yet.  For a machine that does not run, it
  /// cannot be booted from here on.
  static Outcome<StillTree> prepare(const Machine& machine);

  [[nodiscard]] bool is_running() const { return !lock_; }

  /// The guests, for what has to be said to their agents.
  [[nodiscard]] const std::vector<Machine>& runs() const { return runs_; }

  /// Stops all servers.  A Failure leaves none stopped.
  Outcome<void> stop(std::chrono::milliseconds patience);

  Outcome<void> go_on();

  /// How long the servers were stopped the last time.
  [[nodiscard]] std::chrono::microseconds pause() const { return pause_; }

 private:
  StillTree() = default;

  std::vector<Machine> runs_;
  std::optional<RuntimeLock> lock_;
  std::vector<ServerGate> gates_;
  std::chrono::steady_clock::time_point stopped_at_{};
  std::chrono::microseconds pause_{};
};

}  // namespace nineroot::vm
