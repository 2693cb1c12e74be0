// The host's end of the refresher in a guest (agent/refresh_task.h), through a control socket.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "agent/refresh_task.h"
#include "base/failure.h"
#include "vm/control_connection.h"

namespace nineroot::vm {

class GuestRefresher {
 public:
  /// Waits up to `first_patience` for the agent to be there, and later `patience` for each answer.
  static Outcome<GuestRefresher> open(const std::filesystem::path& control_socket,
                                      std::chrono::seconds first_patience,
                                      std::chrono::seconds patience);

  /// Returns when the guest has answered all; with what it could not do, one sentence each.
  Outcome<std::vector<std::string>> run(const std::vector<agent::RefreshTask>& tasks);

  /// Readable when there is something for look().
  [[nodiscard]] int fd() const { return connection_.wanted().fd; }

  /// Fails once the guest has rebooted or the machine has ended.
  Outcome<void> look();

 private:
  GuestRefresher(ControlConnection connection, std::chrono::seconds patience)
      : connection_(std::move(connection)), patience_(patience) {}

  Outcome<void> wait_for_agent(std::chrono::steady_clock::time_point deadline);
  Outcome<void> wait(std::chrono::steady_clock::time_point deadline);
  Outcome<void> take_messages();
  Outcome<void> take(const agent::Message& message);

  ControlConnection connection_;
  std::chrono::seconds patience_;
  bool is_agent_there_ = false;
  std::uint32_t credit_ = agent::kWindow;
  std::string answers_;  ///< Not a whole line yet.
  std::vector<std::string> complaints_;
  std::size_t answered_ = 0;
};

}  // namespace nineroot::vm
