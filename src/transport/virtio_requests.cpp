#include "transport/virtio_requests.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "wire/types.h"

namespace nineroot::transport {
namespace {

/// Between two looks at the control socket and the mailbox.
constexpr int kBatch = 64;

constexpr unsigned kHeadBits = 16;

struct Header {
  std::uint32_t size;
  std::uint16_t tag;
};

Header parse(const std::array<std::byte, wire::kHeaderSize>& bytes) {
  Header header{};
  std::memcpy(&header.size, bytes.data(), sizeof(header.size));
  std::memcpy(&header.tag, bytes.data() + 5, sizeof(header.tag));
  return header;
}

}  // namespace

std::uint64_t VirtioRequests::slot_of(std::uint16_t head) const {
  return (ring_.generation() << kHeadBits) | head;
}

bool VirtioRequests::is_current(std::uint64_t slot) const {
  return slot >> kHeadBits == ring_.generation();
}

bool VirtioRequests::serve(wire::Handler& handler) {
  if (!ring_.is_running() || ring_.queue().defect()) {
    return false;
  }
  ring_.queue().disarm();
  const bool has_more = serve_batch(handler);
  ring_.let_signals_go();
  return has_more;
}

bool VirtioRequests::serve_batch(wire::Handler& handler) {
  for (int done = 0; done < kBatch; ++done) {
    if (handler.is_full()) {
      return false;  // Not armed: kicks would only say what is known.
    }
    auto chain = ring_.pop();
    if (chain) {
      if (ring_.queue().has_more()) {
        ring_.hold_signals();
      } else {
        ring_.let_signals_go();
      }
      take(std::move(*chain), handler);
      continue;
    }
    ring_.let_signals_go();
    if (ring_.queue().defect()) {
      return false;
    }
    if (!poll_.look([this] { return ring_.queue().has_more(); }) && !ring_.queue().arm()) {
      return false;
    }
  }
  return true;
}

void VirtioRequests::take(virtio::DescriptorChain chain, wire::Handler& handler) {
  std::array<std::byte, wire::kHeaderSize> bytes;
  if (chain.readable.read(0, bytes) < bytes.size()) {
    if (!chain.readable_is_whole) {
      ring_.break_down(virtio::RingDefect::request_unmapped);
      return;
    }
    refuse(chain, wire::kNoTag, EPROTO);
    return;
  }
  const Header header = parse(bytes);
  if (!chain.readable_is_whole || !chain.writable_is_whole) {
    refuse(chain, header.tag, EIO);
    return;
  }
  if (header.size < wire::kHeaderSize || header.size > chain.readable.size()) {
    refuse(chain, header.tag, EPROTO);
    return;
  }
  if (chain.writable.size() < wire::kRlerrorSize) {
    refuse(chain, header.tag, EPROTO);
    return;
  }
  handler.handle(wire::Exchange(*this, slot_of(chain.head), header.tag,
                                chain.readable.slice(0, header.size), std::move(chain.writable)));
}

void VirtioRequests::refuse(const virtio::DescriptorChain& chain, std::uint16_t tag, int error) {
  bad_request_log_.warn(
      "a request of {} bytes with {} for the reply was refused: {}{}", chain.readable.size(),
      chain.writable.size(), describe(Errno{error}),
      error == EIO ? "; it lies in guest memory that is not shared (share=on)" : "");
  // An Exchange that nobody completes answers EIO; anything else is written here.
  std::array<std::byte, wire::kRlerrorSize> reply{};
  const auto size = static_cast<std::uint32_t>(reply.size());
  const auto ecode = static_cast<std::uint32_t>(error);
  std::memcpy(reply.data(), &size, sizeof(size));
  reply[4] = static_cast<std::byte>(wire::MsgType::Rlerror);
  std::memcpy(reply.data() + 5, &tag, sizeof(tag));
  std::memcpy(reply.data() + 7, &ecode, sizeof(ecode));
  // Without room for an answer, giving the descriptors back is all that can be done; the guest
  // that made such a chain waits for ever.
  const bool has_room = chain.writable.size() >= reply.size();
  if (has_room) {
    chain.writable.write(0, reply);
  }
  ring_.complete(chain.head, has_room ? size : 0);
}

void VirtioRequests::finish_in_place(std::uint64_t slot, std::size_t size) {
  // In place means from within handle(), so the ring runs; a late call finds no room to trust.
  if (is_current(slot) && ring_.is_running()) {
    ring_.complete(static_cast<std::uint16_t>(slot), static_cast<std::uint32_t>(size));
  }
}

void VirtioRequests::finish(std::uint64_t slot, std::span<const std::byte> reply) {
  if (!is_current(slot)) {
    return;
  }
  if (!ring_.is_running()) {
    parked_.push_back({.slot = slot, .reply = {reply.begin(), reply.end()}});
    return;
  }
  copy_out(static_cast<std::uint16_t>(slot), reply);
}

void VirtioRequests::copy_out(std::uint16_t head, std::span<const std::byte> reply) {
  if (reply.empty()) {
    ring_.complete(head, 0);
    return;
  }
  // The memory map and the descriptors may have changed since the request was taken.
  const auto chain = ring_.queue().walk_again(head);
  if (!chain || chain->writable.size() < reply.size()) {
    bad_request_log_.warn("the room for a reply of {} bytes is gone: the guest took it away",
                          reply.size());
    ring_.complete(head, 0);
    return;
  }
  chain->writable.write(0, reply);
  ring_.complete(head, static_cast<std::uint32_t>(reply.size()));
}

void VirtioRequests::resume() {
  for (const Parked& parked : std::exchange(parked_, {})) {
    copy_out(static_cast<std::uint16_t>(parked.slot), parked.reply);
  }
}

}  // namespace nineroot::transport
