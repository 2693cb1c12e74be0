// Standard input, output and error of this process as those of a command in the guest.
#pragma once

#include <poll.h>

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "agent/message.h"
#include "vm/control_connection.h"

namespace nineroot::vm {

class ExecStreams {
 public:
  explicit ExecStreams(ControlConnection& connection) : connection_(connection) {}

  /// A message about the command.  Fails with the reason when the command was not started or is
  /// lost.
  Outcome<void> take(const agent::Message& message);

  void add_descriptors(std::vector<pollfd>& fds);

  /// Moves what `fds`, filled by add_descriptors() and then by poll(), says can be moved.
  void work(const std::vector<pollfd>& fds);

  [[nodiscard]] bool has_ended() const { return exit_status_.has_value(); }

  /// What exec_in_guest() returns, once all output is written.
  [[nodiscard]] std::optional<int> status() const;

 private:
  void read_input();
  void write_output(std::size_t index);
  void give_credit(std::size_t index);

  ControlConnection& connection_;
  std::uint32_t input_credit_ = agent::kWindow;
  bool has_input_ended_ = false;
  std::array<std::string, 2> pending_;
  std::array<std::uint32_t, 2> owed_ = {0, 0};  ///< Written, but no credit given for it yet.
  std::array<bool, 2> is_closed_ = {false, false};
  std::optional<int> exit_status_;
};

}  // namespace nineroot::vm
