// The device's side of one split virtqueue: takes descriptor chains from the available ring, puts
// them back on the used ring, and knows when either side must wake the other.
//
// Two things decide whether a guest ever hangs.  Both sides first publish an index and then look
// whether the other asked to be woken; a full fence between the two steps, on both sides, makes
// sure that at least one of them sees the other (arm() and should_signal()).  And an index counts
// modulo 65536, so only differences of indices mean anything.
//
// Owns no memory and no descriptor; vring.h says when it runs.  Source: virtio 1.2, section 2.7.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "virtio/descriptor_chain.h"
#include "virtio/guest_memory.h"
#include "virtio/ring_layout.h"

namespace nineroot::virtio {

/// Where the three parts of a ring lie in our address space, aligned to 16, 2 and 4 bytes.
struct RingMemory {
  std::byte* descriptors = nullptr;
  std::byte* avail = nullptr;
  std::byte* used = nullptr;
  std::uint32_t size = 0;  ///< A power of two up to kMaxRingSize.
};

/// One thread only.  Anything in guest memory may change at any moment; no content of it makes
/// this class touch memory outside the ring and `memory`, or pop more than the ring holds.
///
///     queue.disarm();
///     while (queue.arm() || ...) {
///       while (auto chain = queue.pop()) {
///         queue.push(chain->head, answer(*chain));
///         if (queue.should_signal()) { signal(); }
///       }
///     }
class Virtqueue {
 public:
  /// A chain of more than `max_chain_bytes` bytes is a defect.  `memory` must outlive the queue.
  Virtqueue(const GuestMemory& memory, std::uint64_t max_chain_bytes)
      : memory_(memory), max_chain_bytes_(max_chain_bytes) {}

  /// Begins anew for another driver: nothing is in flight, `base` is the next index to take from
  /// the available ring, the used index is the one in memory.
  void start(const RingMemory& ring, std::uint16_t base, bool has_event_idx);

  /// Goes on where the queue was: what is in flight stays so.  Heals a defect.
  void resume(const RingMemory& ring);

  /// The same ring at another place in our address space.
  void move_to(const RingMemory& ring) { ring_ = ring; }

  /// The next chain, or nothing: the ring is empty or has a defect().
  [[nodiscard]] std::optional<DescriptorChain> pop();

  /// A chain in flight, walked again: with today's memory map and whatever the guest has made of
  /// its descriptors since.
  [[nodiscard]] std::expected<DescriptorChain, RingDefect> walk_again(std::uint16_t head);

  /// Gives a chain in flight back to the driver; `length` bytes of its writable part are written.
  void push(std::uint16_t head, std::uint32_t length);

  /// After push(): whether the driver wants to be signalled.
  [[nodiscard]] bool should_signal();

  /// Asks for no kicks.
  void disarm();

  /// Whether pop() would give a chain, or find a defect.
  [[nodiscard]] bool has_more() const;

  /// Asks for a kick at the next request.  True if one is there already, so do not sleep.
  [[nodiscard]] bool arm();

  /// Marks the ring unusable: nothing is popped until the next start() or resume().
  void break_down(RingDefect defect) { defect_ = defect; }

  [[nodiscard]] std::optional<RingDefect> defect() const { return defect_; }

  /// The index that the next pop() takes.
  [[nodiscard]] std::uint16_t last_avail() const { return last_avail_; }

  [[nodiscard]] std::uint16_t used_index() const { return used_index_; }

  [[nodiscard]] std::uint32_t in_flight() const { return in_flight_; }

  /// What the used index in `ring`'s memory is now.
  [[nodiscard]] static std::uint16_t used_index_in(const RingMemory& ring);

 private:
  [[nodiscard]] std::expected<DescriptorChain, RingDefect> take(std::uint16_t waiting);

  const GuestMemory& memory_;
  std::uint64_t max_chain_bytes_;
  RingMemory ring_;
  std::uint16_t last_avail_ = 0;
  std::uint16_t used_index_ = 0;
  std::uint16_t signalled_ = 0;  ///< The used index at the last should_signal().
  std::uint32_t in_flight_ = 0;
  bool has_event_idx_ = false;
  std::optional<RingDefect> defect_;
  std::vector<bool> is_in_flight_;  ///< By head.
  std::vector<Descriptor> scratch_;
};

}  // namespace nineroot::virtio
