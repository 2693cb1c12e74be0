#include "bench/ring_driver/ring.h"

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>

#include "virtio/ring_layout.h"

namespace nineroot::bench {
namespace {

// What a slot has of guest memory: request, reply, indirect table, payload.
constexpr std::uint64_t kFirstSlot = 0x1000000;
constexpr std::uint64_t kSlotSize = 0x100000;
constexpr std::uint64_t kReplyAt = kPage;
constexpr std::uint64_t kTableAt = 3 * kPage;
constexpr std::uint64_t kPayloadAt = 16 * kPage;
static_assert(kPayloadAt + kLargePayload <= kSlotSize);
static_assert(kFirstSlot + kSlots * kSlotSize <= GuestMemoryFile::kSize);

/// The header of Rread and Rreaddir, which Linux gives a descriptor of its own.
constexpr std::uint32_t kInlineReply = 11;
constexpr std::uint32_t kReplyRoom = 4096;

std::uint64_t slot_address(unsigned slot) {
  return kFirstSlot + slot * kSlotSize;
}

template <class T>
std::atomic_ref<T> cell(const GuestMemoryFile& memory, std::uint64_t address) {
  return std::atomic_ref(*reinterpret_cast<T*>(memory.at(address)));
}

}  // namespace

Ring::Ring(GuestMemoryFile& memory, std::function<void()> kick)
    : memory_(memory), kick_(std::move(kick)) {
}

std::span<std::byte> Ring::request(unsigned slot) const {
  return {memory_.at(slot_address(slot)), kPage};
}

std::span<const std::byte> Ring::reply(unsigned slot) const {
  return {memory_.at(slot_address(slot) + kReplyAt), kReplyRoom};
}

std::span<std::byte> Ring::payload(unsigned slot) const {
  return {memory_.at(slot_address(slot) + kPayloadAt), kLargePayload};
}

std::size_t Ring::build_chain(unsigned slot, std::size_t size, Payload where,
                              std::size_t payload_size) {
  const std::uint64_t base = slot_address(slot);
  auto* table = reinterpret_cast<virtio::Descriptor*>(memory_.at(base + kTableAt));
  std::size_t count = 0;
  const auto add = [&](std::uint64_t address, std::size_t length, std::uint16_t flags) {
    table[count] = {.address = address,
                    .length = static_cast<std::uint32_t>(length),
                    .flags = static_cast<std::uint16_t>(flags | virtio::kDescNext),
                    .next = static_cast<std::uint16_t>(count + 1)};
    ++count;
  };
  const auto add_payload = [&](std::uint16_t flags) {
    for (std::size_t at = 0; at < payload_size; at += kPage) {
      add(base + kPayloadAt + at, std::min(kPage, payload_size - at), flags);
    }
  };
  add(base, size, 0);
  if (where == Payload::in_request) {
    add_payload(0);
  }
  add(base + kReplyAt, where == Payload::in_reply ? kInlineReply : kReplyRoom, virtio::kDescWrite);
  if (where == Payload::in_reply) {
    add_payload(virtio::kDescWrite);
  }
  table[count - 1].flags &= static_cast<std::uint16_t>(~virtio::kDescNext);
  return count;
}

void Ring::submit(unsigned slot, std::size_t size, Payload where, std::size_t payload_size) {
  const std::size_t count = build_chain(slot, size, where, payload_size);
  auto* descriptors = reinterpret_cast<virtio::Descriptor*>(memory_.at(kDescriptors));
  descriptors[slot] = {.address = slot_address(slot) + kTableAt,
                       .length = static_cast<std::uint32_t>(count * sizeof(virtio::Descriptor)),
                       .flags = virtio::kDescIndirect,
                       .next = 0};
  const std::uint16_t at = avail_++;
  cell<std::uint16_t>(memory_, kAvail + virtio::kRingEntries + 2UL * (at % kRingSize))
      .store(static_cast<std::uint16_t>(slot), std::memory_order_relaxed);
  cell<std::uint16_t>(memory_, kAvail + virtio::kRingIndex)
      .store(avail_, std::memory_order_release);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  const auto event =
      cell<std::uint16_t>(memory_, kUsed + virtio::kRingEntries + 8UL * kRingSize).load();
  if (event == at) {
    ++kicks_;
    kick_();
  }
}

unsigned Ring::wait() {
  using Clock = std::chrono::steady_clock;
  constexpr unsigned kLooksBetweenClocks = 4096;
  const auto index = cell<std::uint16_t>(memory_, kUsed + virtio::kRingIndex);
  const auto start = Clock::now();
  for (unsigned looks = 1; index.load(std::memory_order_acquire) == used_seen_; ++looks) {
    __builtin_ia32_pause();
    if (looks % kLooksBetweenClocks == 0) {
      if (Clock::now() - start > std::chrono::seconds(60)) {
        throw std::runtime_error("the device does not answer");
      }
      std::this_thread::yield();  // On a busy machine the device may wait for this CPU.
    }
  }
  const std::uint64_t entry = kUsed + virtio::kRingEntries + 8UL * (used_seen_ % kRingSize);
  const auto slot = cell<std::uint32_t>(memory_, entry).load(std::memory_order_relaxed);
  ++used_seen_;
  cell<std::uint16_t>(memory_, kAvail + virtio::kRingEntries + 2UL * kRingSize).store(used_seen_);
  return slot;
}

}  // namespace nineroot::bench
