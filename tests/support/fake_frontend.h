// Plays the VMM's end of a vhost-user connection: sends messages with descriptors, reads replies.
// In which order a real VMM sends them is vmm_sequences.h's business.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "virtio/vhost_user_message.h"

namespace nineroot::test {

/// A connected pair of Unix stream sockets.
struct SocketPair {
  UniqueFd ours;
  UniqueFd theirs;
};
[[nodiscard]] SocketPair make_socket_pair();

/// How many descriptors this process has open: what is leaked shows as a difference.
[[nodiscard]] std::size_t open_descriptors();

/// A payload of one POD, or of several after one another.
template <class... T>
[[nodiscard]] std::vector<std::byte> payload_of(const T&... values) {
  std::vector<std::byte> bytes;
  (virtio::append_payload(bytes, values), ...);
  return bytes;
}

/// Throws std::runtime_error if the back-end hangs up or does not answer within 20 seconds.
class FakeFrontend {
 public:
  explicit FakeFrontend(UniqueFd socket) : socket_(std::move(socket)) {}

  /// Connects to a listening back-end; tests use it where a path matters.
  static FakeFrontend connect(const std::string& path);

  /// Sends and expects no answer.
  void send(virtio::VhostRequest request, std::span<const std::byte> payload = {},
            const std::vector<int>& fds = {});

  /// Sends with NEED_REPLY; true if the back-end accepts.
  bool send_acked(virtio::VhostRequest request, std::span<const std::byte> payload = {},
                  const std::vector<int>& fds = {});

  /// Sends and returns the payload of the reply.
  std::vector<std::byte> ask(virtio::VhostRequest request, std::span<const std::byte> payload = {});

  std::uint64_t ask_number(virtio::VhostRequest request);

  /// Any bytes at all.
  void send_raw(std::span<const std::byte> bytes, const std::vector<int>& fds = {});

  /// True once the back-end has hung up; waits up to 20 seconds for it.
  [[nodiscard]] bool is_hung_up();

  void hang_up() { socket_.reset(); }

  [[nodiscard]] int fd() const { return socket_.get(); }

 private:
  void send_message(virtio::VhostRequest request, std::uint32_t flags,
                    std::span<const std::byte> payload, const std::vector<int>& fds);
  std::vector<std::byte> receive(virtio::VhostRequest request);
  void read_exactly(std::span<std::byte> to);

  UniqueFd socket_;
};

}  // namespace nineroot::test
