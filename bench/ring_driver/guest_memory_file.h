// The guest's memory of the benchmark: one memfd, guest physical address = offset in it, so that
// any VMM or back-end can map it and the driver reads and writes it directly.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/unique_fd.h"

namespace nineroot::bench {

class GuestMemoryFile {
 public:
  static constexpr std::uint64_t kSize = 64U << 20U;

  /// Throws std::system_error.
  GuestMemoryFile();
  ~GuestMemoryFile();
  GuestMemoryFile(const GuestMemoryFile&) = delete;
  GuestMemoryFile& operator=(const GuestMemoryFile&) = delete;

  [[nodiscard]] int fd() const { return fd_.get(); }

  [[nodiscard]] std::byte* at(std::uint64_t address) const { return base_ + address; }

 private:
  UniqueFd fd_;
  std::byte* base_ = nullptr;
};

}  // namespace nineroot::bench
