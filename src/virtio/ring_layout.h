// The split virtqueue as it lies in guest memory, and the feature bits that concern it.
// Source: virtio 1.2, sections 2.7 and 6.  Our own definitions, because <linux/virtio_ring.h> of
// Debian 12 is not C++.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace nineroot::virtio {

static_assert(std::endian::native == std::endian::little, "rings are read without swapping");

/// One entry of a descriptor table, in the ring or in an indirect table.
struct Descriptor {
  std::uint64_t address = 0;  ///< Guest physical.
  std::uint32_t length = 0;
  std::uint16_t flags = 0;
  std::uint16_t next = 0;
};
static_assert(sizeof(Descriptor) == 16);

inline constexpr std::uint16_t kDescNext = 1;
inline constexpr std::uint16_t kDescWrite = 2;
inline constexpr std::uint16_t kDescIndirect = 4;

/// avail.flags: the driver wants no interrupt (without EVENT_IDX).
inline constexpr std::uint16_t kAvailNoInterrupt = 1;
/// used.flags: the device wants no kick (without EVENT_IDX).
inline constexpr std::uint16_t kUsedNoNotify = 1;

/// The largest ring of the specification, and crosvm's default.
inline constexpr std::uint32_t kMaxRingSize = 32768;
/// Descriptors of one chain.  Linux' 9p driver sends up to 128, whatever the size of the ring.
inline constexpr std::uint32_t kMaxChainDescriptors = 1024;

// Offsets in the available and used rings: flags, idx, ring[], event.
inline constexpr std::size_t kRingFlags = 0;
inline constexpr std::size_t kRingIndex = 2;
inline constexpr std::size_t kRingEntries = 4;
inline constexpr std::size_t kAvailEntrySize = 2;
inline constexpr std::size_t kUsedEntrySize = 8;

[[nodiscard]] constexpr std::size_t descriptor_table_bytes(std::size_t size) {
  return sizeof(Descriptor) * size;
}

/// With used_event at its end.
[[nodiscard]] constexpr std::size_t avail_ring_bytes(std::size_t size) {
  return kRingEntries + kAvailEntrySize * size + 2;
}

/// With avail_event at its end.
[[nodiscard]] constexpr std::size_t used_ring_bytes(std::size_t size) {
  return kRingEntries + kUsedEntrySize * size + 2;
}

[[nodiscard]] constexpr std::uint64_t feature(unsigned bit) {
  return std::uint64_t{1} << bit;
}

inline constexpr std::uint64_t kFeatureIndirect = feature(28);
inline constexpr std::uint64_t kFeatureEventIdx = feature(29);
/// vhost-user only; the guest never sees it.
inline constexpr std::uint64_t kFeatureProtocol = feature(30);
inline constexpr std::uint64_t kFeatureVersion1 = feature(32);

}  // namespace nineroot::virtio
