// Any bytes with any descriptors from a front-end: cut into messages by the socket, handled by the
// back-end, and whatever ring comes out of it is served.
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "base/log.h"
#include "base/unique_fd.h"
#include "fuzz_input.h"
#include "virtio/vhost_user_backend.h"
#include "virtio/vhost_user_socket.h"

namespace {

using nineroot::UniqueFd;
using namespace nineroot::virtio;

constexpr std::size_t kRamSize = 0x40000;

struct Listener final : VringListener {
  void ring_restarted() override {}

  void ring_resumed() override {}
};

/// Descriptors that a message may carry: memory, an event, something unfit.
struct Descriptors {
  UniqueFd ram{::memfd_create("fuzz", MFD_CLOEXEC)};
  UniqueFd event{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  UniqueFd unfit{::memfd_create("empty", MFD_CLOEXEC)};

  Descriptors() {
    if (::ftruncate(ram.get(), kRamSize) != 0) {
      std::abort();
    }
    nineroot::log::set_level(nineroot::log::Level::error);
  }

  [[nodiscard]] int choose(std::uint8_t choice) const {
    const std::array<int, 4> all{ram.get(), event.get(), ram.get(), unfit.get()};
    return all[choice % all.size()];
  }
};

/// Sends one header and payload of the fuzzer's making; requests are mostly known ones, with
/// addresses that mostly make sense, so that rings get started at all.
void send_message(nineroot::fuzz::FuzzInput& input, int socket, const Descriptors& descriptors) {
  const auto fd_count = input.take<std::uint8_t>() % 5U;
  std::vector<int> fds;
  for (unsigned i = 0; i < fd_count; ++i) {
    fds.push_back(descriptors.choose(input.take<std::uint8_t>()));
  }
  VhostHeader header;
  header.request = input.take<std::uint8_t>() % 42U;
  header.flags = input.take<std::uint8_t>() % 16U;
  const auto payload = input.take_bytes(input.take<std::uint8_t>());
  header.size = static_cast<std::uint32_t>(payload.size());
  if ((header.flags & kVhostVersionMask) != kVhostVersion && payload.size() % 4 != 0) {
    header.flags = kVhostVersion | (header.flags & kVhostNeedReply);
  }
  std::vector<std::byte> bytes;
  append_payload(bytes, header);
  bytes.insert(bytes.end(), payload.begin(), payload.end());
  iovec piece{.iov_base = bytes.data(), .iov_len = bytes.size()};
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int) * 8)> control{};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(sizeof(int) * fds.size());
    cmsghdr* item = CMSG_FIRSTHDR(&message);
    item->cmsg_level = SOL_SOCKET;
    item->cmsg_type = SCM_RIGHTS;
    item->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
    std::memcpy(CMSG_DATA(item), fds.data(), sizeof(int) * fds.size());
  }
  (void)::sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void serve(Vring& ring) {
  for (int i = 0; i < 64; ++i) {
    const auto chain = ring.pop();
    if (!chain) {
      break;
    }
    chain->writable.write(0, std::array{std::byte{1}, std::byte{2}});
    ring.complete(chain->head, 2);
  }
  if (ring.kick_fd() >= 0) {
    ring.drain_kick();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Descriptors descriptors;
  nineroot::fuzz::FuzzInput input(data, size);
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    std::abort();
  }
  const UniqueFd front_end(ends[0]);
  VhostUserSocket socket{UniqueFd(ends[1])};
  Listener listener;
  VhostUserBackend backend({.device_features = 1,
                            .config = {std::byte{1}, std::byte{0}, std::byte{'x'}},
                            .max_chain_bytes = 1U << 20U},
                           listener);
  while (!input.is_empty()) {
    send_message(input, front_end.get(), descriptors);
    auto received = socket.receive();
    if (!received) {
      break;
    }
    if (received->has_value()) {
      const auto reply = backend.handle(std::move(**received));
      if (!reply || (!reply->empty() && reply->size() < kVhostHeaderSize)) {
        break;
      }
    }
    serve(backend.ring());
  }
  return 0;
}
