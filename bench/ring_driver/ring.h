// The guest's side of a virtio-9p ring, as Linux drives it: indirect chains, EVENT_IDX, zero-copy
// payloads in pages of 4 KiB.  It waits by looking at the used ring, and asks for an interrupt for
// each reply as Linux does, so that a device pays for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "bench/ring_driver/guest_memory_file.h"

namespace nineroot::bench {

inline constexpr std::uint16_t kRingSize = 128;
/// Requests in flight at most.
inline constexpr unsigned kSlots = 32;
inline constexpr std::size_t kPage = 4096;
/// The payload of a message of msize bytes, as nineroot and Linux agree on it: 122 pages.
inline constexpr std::size_t kLargePayload = 122 * kPage;

/// Where a request's payload lies: behind the reply's header, behind the request's, or nowhere.
enum class Payload { none, in_reply, in_request };

class Ring {
 public:
  /// `kick` is called when the device wants to hear of new requests.
  Ring(GuestMemoryFile& memory, std::function<void()> kick);

  static constexpr std::uint64_t kDescriptors = 0x100000;
  static constexpr std::uint64_t kAvail = 0x110000;
  static constexpr std::uint64_t kUsed = 0x120000;

  /// Where the request of a slot is to be written (one page).
  [[nodiscard]] std::span<std::byte> request(unsigned slot) const;
  /// Where its reply is found: the header and what follows that is not payload.
  [[nodiscard]] std::span<const std::byte> reply(unsigned slot) const;
  [[nodiscard]] std::span<std::byte> payload(unsigned slot) const;

  /// Hands over the first `size` bytes of request(slot); `payload_size` bytes of payload.
  void submit(unsigned slot, std::size_t size, Payload where, std::size_t payload_size);

  /// Waits for the next reply and returns its slot.  Throws std::runtime_error after a minute.
  unsigned wait();

  [[nodiscard]] std::uint64_t kicks() const { return kicks_; }

 private:
  std::size_t build_chain(unsigned slot, std::size_t size, Payload where, std::size_t payload_size);

  GuestMemoryFile& memory_;
  std::function<void()> kick_;
  std::uint16_t avail_ = 0;
  std::uint16_t used_seen_ = 0;
  std::uint64_t kicks_ = 0;
};

}  // namespace nineroot::bench
