#include "virtio/virtqueue.h"

#include <atomic>
#include <utility>

namespace nineroot::virtio {
namespace {

template <class T>
T load(std::byte* at, std::memory_order order) {
  return std::atomic_ref(*reinterpret_cast<T*>(at)).load(order);
}

template <class T>
void store(std::byte* at, T value, std::memory_order order) {
  std::atomic_ref(*reinterpret_cast<T*>(at)).store(value, order);
}

/// Between publishing an index and looking whether the other side wants to be woken.
void full_fence() {
#ifdef __SANITIZE_THREAD__
  // GCC's thread sanitizer knows no fences; a sequentially consistent exchange is one in practice.
  static std::atomic<int> unused;
  unused.exchange(0, std::memory_order_seq_cst);
#else
  std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
}

std::byte* used_event(const RingMemory& ring) {
  return ring.avail + kRingEntries + kAvailEntrySize * ring.size;
}

std::byte* avail_event(const RingMemory& ring) {
  return ring.used + kRingEntries + kUsedEntrySize * ring.size;
}

std::uint16_t difference(std::uint16_t later, std::uint16_t earlier) {
  return static_cast<std::uint16_t>(later - earlier);
}

}  // namespace

std::uint16_t Virtqueue::used_index_in(const RingMemory& ring) {
  return load<std::uint16_t>(ring.used + kRingIndex, std::memory_order_relaxed);
}

void Virtqueue::start(const RingMemory& ring, std::uint16_t base, bool has_event_idx) {
  ring_ = ring;
  last_avail_ = base;
  used_index_ = used_index_in(ring);
  signalled_ = used_index_;
  in_flight_ = 0;
  has_event_idx_ = has_event_idx;
  defect_.reset();
  is_in_flight_.assign(ring.size, false);
}

void Virtqueue::resume(const RingMemory& ring) {
  ring_ = ring;
  defect_.reset();
}

std::expected<DescriptorChain, RingDefect> Virtqueue::take(std::uint16_t waiting) {
  if (waiting > ring_.size) {
    return std::unexpected(RingDefect::avail_index_jump);
  }
  const std::uint32_t slot = last_avail_ & (ring_.size - 1);
  const auto head = load<std::uint16_t>(ring_.avail + kRingEntries + kAvailEntrySize * slot,
                                        std::memory_order_relaxed);
  if (head >= ring_.size) {
    return std::unexpected(RingDefect::head_out_of_range);
  }
  if (is_in_flight_[head]) {
    return std::unexpected(RingDefect::head_in_flight);
  }
  return walk_again(head);
}

std::optional<DescriptorChain> Virtqueue::pop() {
  if (defect_) {
    return std::nullopt;
  }
  const auto avail = load<std::uint16_t>(ring_.avail + kRingIndex, std::memory_order_acquire);
  const std::uint16_t waiting = difference(avail, last_avail_);
  if (waiting == 0) {
    return std::nullopt;
  }
  auto chain = take(waiting);
  if (!chain) {
    // The index stays, so that a ring that is mended and resumed loses no request.
    break_down(chain.error());
    return std::nullopt;
  }
  ++last_avail_;
  ++in_flight_;
  is_in_flight_[chain->head] = true;
  return std::move(*chain);
}

std::expected<DescriptorChain, RingDefect> Virtqueue::walk_again(std::uint16_t head) {
  return walk_chain(memory_, ring_.descriptors, ring_.size, head, max_chain_bytes_, scratch_);
}

void Virtqueue::push(std::uint16_t head, std::uint32_t length) {
  const std::uint32_t slot = used_index_ & (ring_.size - 1);
  std::byte* entry = ring_.used + kRingEntries + kUsedEntrySize * slot;
  store<std::uint32_t>(entry, head, std::memory_order_relaxed);
  store<std::uint32_t>(entry + 4, length, std::memory_order_relaxed);
  // Before the driver can see it: it may offer the head again at once.
  is_in_flight_[head] = false;
  --in_flight_;
  ++used_index_;
  store<std::uint16_t>(ring_.used + kRingIndex, used_index_, std::memory_order_release);
}

bool Virtqueue::should_signal() {
  full_fence();
  const std::uint16_t before = std::exchange(signalled_, used_index_);
  if (!has_event_idx_) {
    const auto flags = load<std::uint16_t>(ring_.avail + kRingFlags, std::memory_order_relaxed);
    return (flags & kAvailNoInterrupt) == 0;
  }
  const auto event = load<std::uint16_t>(used_event(ring_), std::memory_order_relaxed);
  // Whether `event` is one of the indices passed since the last look.
  return difference(used_index_, static_cast<std::uint16_t>(event + 1)) <
         difference(used_index_, before);
}

void Virtqueue::disarm() {
  // With EVENT_IDX an avail_event that is left behind asks for nothing: one needless kick in
  // 65536 requests is cheaper than a store for each.
  if (!has_event_idx_) {
    store<std::uint16_t>(ring_.used + kRingFlags, kUsedNoNotify, std::memory_order_relaxed);
  }
}

bool Virtqueue::has_more() const {
  return load<std::uint16_t>(ring_.avail + kRingIndex, std::memory_order_acquire) != last_avail_;
}

bool Virtqueue::arm() {
  if (has_event_idx_) {
    store<std::uint16_t>(avail_event(ring_), last_avail_, std::memory_order_relaxed);
  } else {
    store<std::uint16_t>(ring_.used + kRingFlags, 0, std::memory_order_relaxed);
  }
  full_fence();
  return has_more();
}

}  // namespace nineroot::virtio
