#include "virtio/descriptor_chain.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <span>

#include "base/result.h"

namespace nineroot::virtio {
namespace {

using Step = std::expected<void, RingDefect>;

Descriptor load(std::byte* table, std::uint16_t index) {
  // The table is 16-byte aligned: SET_VRING_ADDR and the memory regions are checked for that.
  auto& entry = reinterpret_cast<Descriptor*>(table)[index];
  constexpr auto kRelaxed = std::memory_order_relaxed;
  return {.address = std::atomic_ref(entry.address).load(kRelaxed),
          .length = std::atomic_ref(entry.length).load(kRelaxed),
          .flags = std::atomic_ref(entry.flags).load(kRelaxed),
          .next = std::atomic_ref(entry.next).load(kRelaxed)};
}

/// Gathers the buffers of a chain into its two halves.
class Gather {
 public:
  Gather(const GuestMemory& memory, std::uint64_t max_bytes, DescriptorChain& chain)
      : memory_(memory), bytes_left_(max_bytes), chain_(chain) {}

  Step add(const Descriptor& descriptor) {
    const bool is_writable = (descriptor.flags & kDescWrite) != 0;
    if (is_writable) {
      saw_writable_ = true;
    } else if (saw_writable_) {
      return std::unexpected(RingDefect::readable_after_writable);
    }
    if (descriptor.length > std::numeric_limits<std::uint64_t>::max() - descriptor.address) {
      return std::unexpected(RingDefect::address_overflow);
    }
    if (descriptor.length > bytes_left_) {
      return std::unexpected(RingDefect::too_many_bytes);
    }
    bytes_left_ -= descriptor.length;
    bool& is_whole = is_writable ? chain_.writable_is_whole : chain_.readable_is_whole;
    if (is_whole) {
      is_whole = memory_.translate(descriptor.address, descriptor.length,
                                   is_writable ? chain_.writable : chain_.readable);
    }
    return {};
  }

 private:
  const GuestMemory& memory_;
  std::uint64_t bytes_left_;
  DescriptorChain& chain_;
  bool saw_writable_ = false;
};

/// Follows `next` from `descriptor` on, through a table of `size` entries.
template <class Load>
Step follow(Load load_entry, std::uint32_t size, Descriptor descriptor, Gather& to) {
  const std::uint32_t limit = std::min(size, kMaxChainDescriptors);
  for (std::uint32_t count = 1;; ++count) {
    if ((descriptor.flags & kDescIndirect) != 0) {
      return std::unexpected(RingDefect::indirect_nested);
    }
    TRY(to.add(descriptor));
    if ((descriptor.flags & kDescNext) == 0) {
      return {};
    }
    if (descriptor.next >= size) {
      return std::unexpected(RingDefect::next_out_of_range);
    }
    if (count == limit) {
      return std::unexpected(RingDefect::chain_too_long);
    }
    descriptor = load_entry(descriptor.next);
  }
}

Step follow_indirect(const GuestMemory& memory, const Descriptor& descriptor,
                     std::vector<Descriptor>& scratch, Gather& to) {
  if ((descriptor.flags & kDescNext) != 0) {
    return std::unexpected(RingDefect::indirect_with_next);
  }
  const std::uint32_t entries = descriptor.length / sizeof(Descriptor);
  if (descriptor.length % sizeof(Descriptor) != 0 || entries == 0 ||
      entries > kMaxChainDescriptors) {
    return std::unexpected(RingDefect::indirect_bad_length);
  }
  IoVecs table;
  if (descriptor.length > std::numeric_limits<std::uint64_t>::max() - descriptor.address ||
      !memory.translate(descriptor.address, descriptor.length, table)) {
    return std::unexpected(RingDefect::indirect_unmapped);
  }
  scratch.resize(entries);
  table.read(0, std::as_writable_bytes(std::span(scratch)));
  return follow([&](std::uint16_t index) { return scratch[index]; }, entries, scratch[0], to);
}

}  // namespace

std::string_view describe(RingDefect defect) {
  switch (defect) {
    case RingDefect::avail_index_jump:
      return "the available index runs ahead of the ring";
    case RingDefect::head_out_of_range:
      return "a head index is outside the ring";
    case RingDefect::head_in_flight:
      return "a head index is offered again before it was used";
    case RingDefect::next_out_of_range:
      return "a descriptor's next is outside its table";
    case RingDefect::chain_too_long:
      return "a descriptor chain is a loop or too long";
    case RingDefect::indirect_nested:
      return "an indirect descriptor is not the first of its chain";
    case RingDefect::indirect_with_next:
      return "an indirect descriptor has a next one";
    case RingDefect::indirect_bad_length:
      return "an indirect table has no possible length";
    case RingDefect::indirect_unmapped:
      return "an indirect table is not in shared memory";
    case RingDefect::readable_after_writable:
      return "a readable descriptor follows a writable one";
    case RingDefect::address_overflow:
      return "a descriptor wraps around the address space";
    case RingDefect::too_many_bytes:
      return "a descriptor chain has too many bytes";
    case RingDefect::request_unmapped:
      return "a request's first bytes are not in shared memory";
    case RingDefect::ring_unmapped:
      return "the ring's memory was taken away";
  }
  return "unknown";
}

std::expected<DescriptorChain, RingDefect> walk_chain(const GuestMemory& memory, std::byte* table,
                                                      std::uint32_t ring_size, std::uint16_t head,
                                                      std::uint64_t max_bytes,
                                                      std::vector<Descriptor>& scratch) {
  DescriptorChain chain;
  chain.head = head;
  Gather gather(memory, max_bytes, chain);
  const Descriptor first = load(table, head);
  if ((first.flags & kDescIndirect) != 0) {
    TRY(follow_indirect(memory, first, scratch, gather));
  } else {
    TRY(follow([&](std::uint16_t index) { return load(table, index); }, ring_size, first, gather));
  }
  return chain;
}

}  // namespace nineroot::virtio
