#include "virtio/vhost_user_socket.h"

#include <cerrno>
#include <cstring>
#include <utility>

namespace nineroot::virtio {
namespace {

/// Room for one descriptor more than allowed, so that too many are noticed and not cut off.
constexpr std::size_t kControlRoom = CMSG_SPACE(sizeof(int) * (kMaxVhostFds + 1));

bool is_not_yet(int error) {
  return error == EAGAIN || error == EINTR;
}

}  // namespace

Result<void> VhostUserSocket::take_fds(msghdr& message) {
  for (cmsghdr* item = CMSG_FIRSTHDR(&message); item != nullptr;
       item = CMSG_NXTHDR(&message, item)) {
    if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS) {
      continue;
    }
    const std::size_t count = (item->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(item) + i * sizeof(int), sizeof(int));
      message_.fds.emplace_back(fd);
    }
  }
  // The kernel cuts the list short when the process is out of descriptors.
  if ((message.msg_flags & MSG_CTRUNC) != 0) {
    return fail(message_.fds.size() > kMaxVhostFds ? EPROTO : EMFILE);
  }
  return message_.fds.size() > kMaxVhostFds ? Result<void>(fail(EPROTO)) : Result<void>();
}

Result<std::size_t> VhostUserSocket::read_header() {
  iovec piece{.iov_base = header_bytes_.data() + header_got_,
              .iov_len = header_bytes_.size() - header_got_};
  alignas(cmsghdr) std::array<std::byte, kControlRoom> control;
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t got = ::recvmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (got < 0) {
    return is_not_yet(errno) ? Result<std::size_t>(0) : fail_errno();
  }
  TRY(take_fds(message));
  if (got == 0) {
    return fail(EPIPE);
  }
  return static_cast<std::size_t>(got);
}

Result<void> VhostUserSocket::check_header() {
  const auto header = *load_payload<VhostHeader>(header_bytes_);
  if ((header.flags & kVhostVersionMask) != kVhostVersion || (header.flags & kVhostReply) != 0 ||
      header.size > kMaxVhostPayload) {
    return fail(EPROTO);
  }
  message_.request = static_cast<VhostRequest>(header.request);
  message_.needs_reply = (header.flags & kVhostNeedReply) != 0;
  message_.payload.resize(header.size);
  return {};
}

Result<std::optional<VhostUserMessage>> VhostUserSocket::receive() {
  while (header_got_ < header_bytes_.size()) {
    const std::size_t got = TRY(read_header());
    if (got == 0) {
      return std::nullopt;
    }
    header_got_ += got;
    if (header_got_ == header_bytes_.size()) {
      TRY(check_header());
    }
  }
  while (payload_got_ < message_.payload.size()) {
    const ssize_t got = ::recv(socket_.get(), message_.payload.data() + payload_got_,
                               message_.payload.size() - payload_got_, MSG_DONTWAIT);
    if (got < 0) {
      return is_not_yet(errno) ? Result<std::optional<VhostUserMessage>>(std::nullopt)
                               : fail_errno();
    }
    if (got == 0) {
      return fail(EPIPE);
    }
    payload_got_ += static_cast<std::size_t>(got);
  }
  header_got_ = 0;
  payload_got_ = 0;
  return std::exchange(message_, {});
}

Result<void> VhostUserSocket::send(std::span<const std::byte> bytes) {
  const ssize_t sent =
      ::send(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0) {
    return fail_errno();
  }
  return static_cast<std::size_t>(sent) == bytes.size() ? Result<void>() : fail(EAGAIN);
}

}  // namespace nineroot::virtio
