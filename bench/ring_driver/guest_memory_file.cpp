#include "bench/ring_driver/guest_memory_file.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

namespace nineroot::bench {

GuestMemoryFile::GuestMemoryFile() : fd_(::memfd_create("guest", MFD_CLOEXEC)) {
  if (!fd_.is_open() || ::ftruncate(fd_.get(), kSize) != 0) {
    throw std::system_error(errno, std::generic_category(), "memfd");
  }
  void* mapped = ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0);
  if (mapped == MAP_FAILED) {
    throw std::system_error(errno, std::generic_category(), "mmap");
  }
  base_ = static_cast<std::byte*>(mapped);
  // All pages there from the start: none is faulted in while something is timed.
  std::memset(base_, 0, kSize);
}

GuestMemoryFile::~GuestMemoryFile() {
  ::munmap(base_, kSize);
}

}  // namespace nineroot::bench
