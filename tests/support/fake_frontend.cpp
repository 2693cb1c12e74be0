#include "tests/support/fake_frontend.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <stdexcept>

namespace nineroot::test {
namespace {

using virtio::VhostRequest;

constexpr int kTimeoutMs = 20000;
constexpr std::size_t kMaxFds = 64;  // More than the back-end takes.

bool becomes_readable(int fd) {
  pollfd watched{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&watched, 1, kTimeoutMs) > 0;
}

}  // namespace

SocketPair make_socket_pair() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    throw std::runtime_error("socketpair");
  }
  return {.ours = UniqueFd(ends[0]), .theirs = UniqueFd(ends[1])};
}

std::size_t open_descriptors() {
  const std::filesystem::directory_iterator open("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(open), end(open)));
}

FakeFrontend FakeFrontend::connect(const std::string& path) {
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    throw std::runtime_error("cannot connect to " + path);
  }
  return FakeFrontend(std::move(socket));
}

void FakeFrontend::send_raw(std::span<const std::byte> bytes, const std::vector<int>& fds) {
  iovec piece{.iov_base = const_cast<std::byte*>(bytes.data()), .iov_len = bytes.size()};
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int) * kMaxFds)> control{};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    const std::size_t size = fds.size() * sizeof(int);
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(size);
    cmsghdr* item = CMSG_FIRSTHDR(&message);
    item->cmsg_level = SOL_SOCKET;
    item->cmsg_type = SCM_RIGHTS;
    item->cmsg_len = CMSG_LEN(size);
    std::memcpy(CMSG_DATA(item), fds.data(), size);
  }
  if (::sendmsg(socket_.get(), &message, MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size())) {
    throw std::runtime_error("the back-end has hung up");
  }
}

void FakeFrontend::send_message(VhostRequest request, std::uint32_t flags,
                                std::span<const std::byte> payload, const std::vector<int>& fds) {
  auto bytes = payload_of(virtio::VhostHeader{.request = static_cast<std::uint32_t>(request),
                                              .flags = virtio::kVhostVersion | flags,
                                              .size = static_cast<std::uint32_t>(payload.size())});
  bytes.insert(bytes.end(), payload.begin(), payload.end());
  send_raw(bytes, fds);
}

void FakeFrontend::send(VhostRequest request, std::span<const std::byte> payload,
                        const std::vector<int>& fds) {
  send_message(request, 0, payload, fds);
}

bool FakeFrontend::send_acked(VhostRequest request, std::span<const std::byte> payload,
                              const std::vector<int>& fds) {
  send_message(request, virtio::kVhostNeedReply, payload, fds);
  return *virtio::load_payload<std::uint64_t>(receive(request)) == 0;
}

std::vector<std::byte> FakeFrontend::ask(VhostRequest request, std::span<const std::byte> payload) {
  send_message(request, 0, payload, {});
  return receive(request);
}

std::uint64_t FakeFrontend::ask_number(VhostRequest request) {
  return virtio::load_payload<std::uint64_t>(ask(request)).value();
}

void FakeFrontend::read_exactly(std::span<std::byte> to) {
  while (!to.empty()) {
    if (!becomes_readable(socket_.get())) {
      throw std::runtime_error("the back-end does not answer");
    }
    const ssize_t got = ::recv(socket_.get(), to.data(), to.size(), 0);
    if (got <= 0) {
      throw std::runtime_error("the back-end has hung up");
    }
    to = to.subspan(static_cast<std::size_t>(got));
  }
}

std::vector<std::byte> FakeFrontend::receive(VhostRequest request) {
  virtio::VhostHeader header;
  read_exactly(std::as_writable_bytes(std::span(&header, 1)));
  // QEMU and UML compare the whole flags word.
  if (header.request != static_cast<std::uint32_t>(request) || header.flags != 0x5) {
    throw std::runtime_error("a reply with a wrong header");
  }
  std::vector<std::byte> payload(header.size);
  read_exactly(payload);
  return payload;
}

bool FakeFrontend::is_hung_up() {
  std::array<std::byte, 256> ignored;
  while (becomes_readable(socket_.get())) {
    const ssize_t got = ::recv(socket_.get(), ignored.data(), ignored.size(), 0);
    if (got <= 0) {
      return true;
    }
  }
  return false;
}

}  // namespace nineroot::test
