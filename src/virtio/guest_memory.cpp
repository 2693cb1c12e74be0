#include "virtio/guest_memory.h"

#include <algorithm>
#include <limits>

namespace nineroot::virtio {
namespace {

constexpr std::uint64_t kPageSize = 4096;
constexpr std::uint64_t kMaxAddress = std::numeric_limits<std::uint64_t>::max();

bool wraps(std::uint64_t start, std::uint64_t size) {
  return size > kMaxAddress - start;
}

bool overlap(std::uint64_t a, std::uint64_t a_size, std::uint64_t b, std::uint64_t b_size) {
  return a < b + b_size && b < a + a_size;
}

Result<void> check(const MemoryRegion& region) {
  if (region.size == 0 || wraps(region.guest_address, region.size) ||
      wraps(region.user_address, region.size) || wraps(region.file_offset, region.size)) {
    return fail(EINVAL);
  }
  // With all three aligned, a ring that is aligned for the guest is aligned for our atomics.
  if (region.guest_address % kPageSize != 0 || region.user_address % kPageSize != 0 ||
      region.file_offset % kPageSize != 0) {
    return fail(EINVAL);
  }
  return {};
}

bool overlap(const MemoryRegion& a, const MemoryRegion& b) {
  return overlap(a.guest_address, a.size, b.guest_address, b.size) ||
         overlap(a.user_address, a.size, b.user_address, b.size);
}

}  // namespace

Result<void> GuestMemory::add(const MemoryRegion& region, int fd) {
  TRY(check(region));
  if (regions_.size() >= kMaxRegions) {
    return fail(ENOSPC);
  }
  for (const Mapped& other : regions_) {
    if (overlap(region, other.region)) {
      return fail(EEXIST);
    }
  }
  auto mapping = TRY(Mapping::map(fd, region.file_offset, region.size));
  const auto place =
      std::ranges::upper_bound(regions_, region.guest_address, {},
                               [](const Mapped& mapped) { return mapped.region.guest_address; });
  regions_.insert(place, Mapped{region, std::move(mapping)});
  return {};
}

Result<void> GuestMemory::remove(const MemoryRegion& region) {
  const auto found = std::ranges::find_if(regions_, [&](const Mapped& mapped) {
    return mapped.region.guest_address == region.guest_address &&
           mapped.region.user_address == region.user_address && mapped.region.size == region.size;
  });
  if (found == regions_.end()) {
    return fail(ENOENT);
  }
  regions_.erase(found);
  return {};
}

Result<void> GuestMemory::replace(std::span<const MemoryRegion> regions,
                                  std::span<const UniqueFd> fds) {
  if (regions.size() != fds.size()) {
    return fail(EINVAL);
  }
  GuestMemory fresh;
  for (std::size_t i = 0; i < regions.size(); ++i) {
    TRY(fresh.add(regions[i], fds[i].get()));
  }
  regions_.swap(fresh.regions_);
  return {};
}

const GuestMemory::Mapped* GuestMemory::find(std::uint64_t address) const {
  const auto after = std::ranges::upper_bound(
      regions_, address, {}, [](const Mapped& mapped) { return mapped.region.guest_address; });
  if (after == regions_.begin()) {
    return nullptr;
  }
  const Mapped& before = *std::prev(after);
  return address - before.region.guest_address < before.region.size ? &before : nullptr;
}

bool GuestMemory::translate(std::uint64_t address, std::uint64_t length, IoVecs& to) const {
  while (length > 0) {
    const Mapped* mapped = find(address);
    if (mapped == nullptr) {
      return false;
    }
    const std::uint64_t inside = address - mapped->region.guest_address;
    const std::uint64_t here = std::min(length, mapped->region.size - inside);
    to.append(mapped->mapping.data() + inside, here);
    address += here;
    length -= here;
  }
  return true;
}

std::byte* GuestMemory::at_user_address(std::uint64_t address, std::uint64_t length) const {
  for (const Mapped& mapped : regions_) {
    const std::uint64_t inside = address - mapped.region.user_address;
    if (address >= mapped.region.user_address && inside < mapped.region.size &&
        length <= mapped.region.size - inside) {
      return mapped.mapping.data() + inside;
    }
  }
  return nullptr;
}

}  // namespace nineroot::virtio
