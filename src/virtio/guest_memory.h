// The guest's memory as the front-end shares it: which guest physical and which front-end user
// address lies where in our address space.  Knows nothing of rings.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/io_vec.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "virtio/mapping.h"

namespace nineroot::virtio {

/// As vhost-user sends it.  Descriptors hold guest addresses; SET_VRING_ADDR holds user addresses.
struct MemoryRegion {
  std::uint64_t guest_address = 0;
  std::uint64_t size = 0;
  std::uint64_t user_address = 0;
  std::uint64_t file_offset = 0;
};
static_assert(sizeof(MemoryRegion) == 32);

/// One thread only.  Pointers and IoVecs taken from it are good until the next add(), remove() or
/// replace().
class GuestMemory {
 public:
  /// What GET_MAX_MEM_SLOTS answers, as rust-vmm does; QEMU takes at most 512.
  static constexpr std::size_t kMaxRegions = 509;

  /// Adds a region.  Errors: EINVAL for addresses that wrap or that are not page aligned, EEXIST
  /// for an overlap with another region, ENOSPC beyond kMaxRegions, else from Mapping::map().
  Result<void> add(const MemoryRegion& region, int fd);

  /// Unmaps the region with these addresses and size; the file offset does not count.
  /// Errors: ENOENT.
  Result<void> remove(const MemoryRegion& region);

  /// Has exactly these regions afterwards, or is unchanged and fails as add() does.  As many
  /// descriptors as regions.
  Result<void> replace(std::span<const MemoryRegion> regions, std::span<const UniqueFd> fds);

  /// Appends the guest's [address, address + length) to `to`.  False if not all of it is shared
  /// memory; then `to` has what comes before the hole.
  [[nodiscard]] bool translate(std::uint64_t address, std::uint64_t length, IoVecs& to) const;

  /// Where the front-end's [address, address + length) lies; null unless it is inside one region.
  [[nodiscard]] std::byte* at_user_address(std::uint64_t address, std::uint64_t length) const;

  [[nodiscard]] std::size_t region_count() const { return regions_.size(); }

 private:
  struct Mapped {
    MemoryRegion region;
    Mapping mapping;
  };

  [[nodiscard]] const Mapped* find(std::uint64_t address) const;

  std::vector<Mapped> regions_;  ///< By guest address.
};

}  // namespace nineroot::virtio
