// The back-end's end of a vhost-user connection: cuts the stream into messages and collects the
// descriptors that come with them.  Does not know what a message means.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "virtio/vhost_user_message.h"

namespace nineroot::virtio {

/// Never blocks: half a message is kept until the rest comes.  One thread only.
class VhostUserSocket {
 public:
  /// `socket` is a connected Unix stream socket.
  explicit VhostUserSocket(UniqueFd socket) : socket_(std::move(socket)) {}

  /// Poll it for reading.
  [[nodiscard]] int fd() const { return socket_.get(); }

  /// The next message, or nothing until more has come.
  ///
  /// After an error the connection is of no more use: EPIPE the front-end hung up; EPROTO a header
  /// that is no vhost-user request, or more than kMaxVhostFds descriptors; EMFILE descriptors were
  /// lost because this process may open no more; else from recvmsg(2).
  Result<std::optional<VhostUserMessage>> receive();

  /// Sends all of `bytes`.  Errors: EAGAIN for a front-end that does not read its replies; else
  /// from sendmsg(2).
  Result<void> send(std::span<const std::byte> bytes);

 private:
  Result<std::size_t> read_header();
  Result<void> take_fds(msghdr& message);
  Result<void> check_header();

  UniqueFd socket_;
  std::array<std::byte, kVhostHeaderSize> header_bytes_{};
  std::size_t header_got_ = 0;
  std::size_t payload_got_ = 0;
  VhostUserMessage message_;
};

}  // namespace nineroot::virtio
