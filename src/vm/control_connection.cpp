#include "vm/control_connection.h"

#include <sys/socket.h>

#include <array>

#include "vm/unix_socket.h"

namespace nineroot::vm {

Outcome<ControlConnection> ControlConnection::open(const std::filesystem::path& control_socket) {
  Result<UniqueFd> socket = connect_unix(control_socket);
  if (!socket) {
    return std::unexpected(
        Failure(fmt::format("cannot reach the running machine at {}", control_socket.string()),
                socket.error())
            .with_hint("does it run? nineroot list tells"));
  }
  return ControlConnection(std::move(*socket));
}

void ControlConnection::post(agent::Message message) {
  agent::append_frame(outgoing_, agent::encode({0, std::move(message)}));
}

std::optional<agent::Message> ControlConnection::next() {
  while (const std::optional<std::string> frame = reader_.next()) {
    if (std::optional<agent::Letter> letter = agent::decode(*frame)) {
      return std::move(letter->message);
    }
  }
  return std::nullopt;
}

pollfd ControlConnection::wanted() const {
  const int events = POLLIN | (outgoing_.empty() ? 0 : POLLOUT);
  return {.fd = socket_.get(), .events = static_cast<short>(events), .revents = 0};
}

Outcome<void> ControlConnection::work() {
  if (!outgoing_.empty()) {
    const ssize_t sent =
        ::send(socket_.get(), outgoing_.data(), outgoing_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) {
      outgoing_.erase(0, static_cast<std::size_t>(sent));
    }
  }
  std::array<char, 32768> piece;
  const ssize_t got = ::recv(socket_.get(), piece.data(), piece.size(), MSG_DONTWAIT);
  if (got > 0) {
    reader_.feed(std::string_view(piece.data(), static_cast<std::size_t>(got)));
    return {};
  }
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
    return {};
  }
  return failure("the process that runs the machine has ended");
}

}  // namespace nineroot::vm
