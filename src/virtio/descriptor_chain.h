// One descriptor chain, followed from its head through the ring's table or an indirect one.
// The guest owns every byte that is read here and may change it at any time: each descriptor is
// loaded once into a local copy, and only that copy is judged.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string_view>
#include <vector>

#include "base/io_vec.h"
#include "virtio/guest_memory.h"
#include "virtio/ring_layout.h"

namespace nineroot::virtio {

/// What makes a ring unusable: it lies about its own structure, so nothing after it can be
/// trusted.
enum class RingDefect {
  avail_index_jump,
  head_out_of_range,
  head_in_flight,
  next_out_of_range,
  chain_too_long,
  indirect_nested,
  indirect_with_next,
  indirect_bad_length,
  indirect_unmapped,
  readable_after_writable,
  address_overflow,
  too_many_bytes,
  request_unmapped,
  ring_unmapped,
};

/// A sentence for the log.
[[nodiscard]] std::string_view describe(RingDefect defect);

/// The buffers of one request, device-readable and device-writable.
struct DescriptorChain {
  std::uint16_t head = 0;
  IoVecs readable;
  IoVecs writable;
  /// False if a buffer lies outside the shared memory; it and those behind it are left out.
  bool readable_is_whole = true;
  bool writable_is_whole = true;
};

/// Follows the chain that begins at `head`, which is below `ring_size`.
///
/// `table` is the ring's descriptor table.  An INDIRECT descriptor may only be the first and only
/// one in the ring; its table has up to kMaxChainDescriptors entries whatever the ring's size (as
/// Linux does), may lie anywhere and across regions, and is copied into `scratch` once.  INDIRECT
/// is taken whether it was negotiated or not.  Buffers of length 0 are counted and skipped.
/// More than `max_bytes` bytes in all is a defect.
[[nodiscard]] std::expected<DescriptorChain, RingDefect> walk_chain(
    const GuestMemory& memory, std::byte* table, std::uint32_t ring_size, std::uint16_t head,
    std::uint64_t max_bytes, std::vector<Descriptor>& scratch);

}  // namespace nineroot::virtio
