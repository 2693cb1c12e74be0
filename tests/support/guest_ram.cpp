#include "tests/support/guest_ram.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <system_error>

namespace nineroot::test {
namespace {

constexpr std::uint64_t kUserBase = 0x7f0000000000;

void check(bool is_good, const char* what) {
  if (!is_good) {
    throw std::system_error(errno, std::generic_category(), what);
  }
}

}  // namespace

GuestRam GuestRam::pc(std::uint64_t size) {
  return GuestRam({
      {.guest_address = 0, .size = kHole, .user_address = kUserBase, .file_offset = 0x10000},
      {.guest_address = kAfterHole,
       .size = kSeam - kAfterHole,
       .user_address = kUserBase + 0x10000000,
       .file_offset = 0x1000000},
      {.guest_address = kSeam,
       .size = size - kSeam,
       .user_address = kUserBase + 0x8000000,
       .file_offset = 0x2000000},
  });
}

GuestRam GuestRam::flat(std::uint64_t size) {
  return GuestRam({{.guest_address = 0x100000,
                    .size = size - 0x100000,
                    .user_address = 0x100000,
                    .file_offset = 0x200000}});
}

GuestRam::GuestRam(std::vector<virtio::MemoryRegion> regions)
    : regions_(std::move(regions)), file_(::memfd_create("guest-ram", MFD_CLOEXEC)) {
  for (const virtio::MemoryRegion& region : regions_) {
    size_ = std::max<std::size_t>(size_, region.file_offset + region.size);
  }
  check(file_.is_open(), "memfd_create");
  check(::ftruncate(file_.get(), static_cast<off_t>(size_)) == 0, "ftruncate");
  void* base = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED, file_.get(), 0);
  check(base != MAP_FAILED, "mmap");
  base_ = static_cast<std::byte*>(base);
}

GuestRam::~GuestRam() {
  ::munmap(base_, size_);
}

const virtio::MemoryRegion& GuestRam::region_of(std::uint64_t address) const {
  for (const virtio::MemoryRegion& region : regions_) {
    if (address >= region.guest_address && address - region.guest_address < region.size) {
      return region;
    }
  }
  throw std::out_of_range("the test uses guest memory that is not there");
}

std::byte* GuestRam::at(std::uint64_t address) const {
  const virtio::MemoryRegion& region = region_of(address);
  return base_ + region.file_offset + (address - region.guest_address);
}

void GuestRam::write(std::uint64_t address, std::span<const std::byte> bytes) const {
  for (const std::byte byte : bytes) {
    *at(address++) = byte;
  }
}

std::vector<std::byte> GuestRam::read(std::uint64_t address, std::size_t size) const {
  std::vector<std::byte> bytes(size);
  for (std::byte& byte : bytes) {
    byte = *at(address++);
  }
  return bytes;
}

std::uint64_t GuestRam::user_address(std::uint64_t address) const {
  const virtio::MemoryRegion& region = region_of(address);
  return region.user_address + (address - region.guest_address);
}

}  // namespace nineroot::test
