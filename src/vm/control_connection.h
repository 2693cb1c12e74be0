// A client's connection to the control socket of a running machine, message by message.
#pragma once

#include <poll.h>

#include <filesystem>
#include <optional>
#include <string>

#include "agent/frame.h"
#include "agent/message.h"
#include "base/failure.h"
#include "base/unique_fd.h"

namespace nineroot::vm {

class ControlConnection {
 public:
  /// Fails when nobody listens: the machine does not run.
  static Outcome<ControlConnection> open(const std::filesystem::path& control_socket);

  void post(agent::Message message);

  /// The next message that has come, without waiting.
  std::optional<agent::Message> next();

  [[nodiscard]] std::size_t unsent() const { return outgoing_.size(); }

  [[nodiscard]] pollfd wanted() const;

  /// Sends and receives what it can without waiting.  Fails when the other end is closed and
  /// nothing is left to read.
  Outcome<void> work();

 private:
  explicit ControlConnection(UniqueFd socket) : socket_(std::move(socket)) {}

  UniqueFd socket_;
  std::string outgoing_;
  agent::FrameReader reader_;
};

}  // namespace nineroot::vm
