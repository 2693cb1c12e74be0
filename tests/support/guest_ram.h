// A guest's memory for tests: a memfd, cut into regions as a VMM cuts it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/unique_fd.h"
#include "virtio/guest_memory.h"

namespace nineroot::test {

/// Where [0xa0000, 0xc0000) of a PC has no memory.
inline constexpr std::uint64_t kHole = 0xa0000;
inline constexpr std::uint64_t kAfterHole = 0xc0000;
/// Two regions that are neighbours for the guest, and nowhere else.
inline constexpr std::uint64_t kSeam = 0x800000;

/// Guest physical, front-end user and file addresses of a region are never the same numbers, so
/// that mixing them up is noticed.
class GuestRam {
 public:
  /// Three regions of a PC: below kHole, from kAfterHole to kSeam, and from there to `size`.
  static GuestRam pc(std::uint64_t size = 0x2000000);
  /// One region whose user address is the guest address, as UML has it.
  static GuestRam flat(std::uint64_t size = 0x2000000);
  explicit GuestRam(std::vector<virtio::MemoryRegion> regions);
  ~GuestRam();
  GuestRam(const GuestRam&) = delete;
  GuestRam& operator=(const GuestRam&) = delete;

  [[nodiscard]] int fd() const { return file_.get(); }

  [[nodiscard]] const std::vector<virtio::MemoryRegion>& regions() const { return regions_; }

  /// The test's own view of guest memory at `address`; good up to the end of its region.
  [[nodiscard]] std::byte* at(std::uint64_t address) const;

  void write(std::uint64_t address, std::span<const std::byte> bytes) const;
  [[nodiscard]] std::vector<std::byte> read(std::uint64_t address, std::size_t size) const;

  /// The front-end's address of guest address `address`.
  [[nodiscard]] std::uint64_t user_address(std::uint64_t address) const;

 private:
  [[nodiscard]] const virtio::MemoryRegion& region_of(std::uint64_t address) const;

  std::vector<virtio::MemoryRegion> regions_;
  UniqueFd file_;
  std::byte* base_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace nineroot::test
