// The owner of one shared mapping of a file that holds guest memory, and what happens when that
// file shrinks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/result.h"

namespace nineroot::virtio {

/// Unmaps when it goes.  Move-only.
class Mapping {
 public:
  /// Maps [offset, offset + size) of `fd` for reading and writing; the descriptor is not kept.
  /// Errors: EINVAL for an offset that is not a multiple of 4096, for a file that is no regular
  /// file or memfd, or that ends before offset + size; else from mmap(2).
  static Result<Mapping> map(int fd, std::uint64_t offset, std::uint64_t size);

  Mapping(Mapping&& other) noexcept
      : base_(std::exchange(other.base_, nullptr)), length_(other.length_), lead_(other.lead_) {}

  Mapping& operator=(Mapping&& other) noexcept {
    std::swap(base_, other.base_);
    std::swap(length_, other.length_);
    std::swap(lead_, other.lead_);
    return *this;
  }

  ~Mapping();

  /// The byte at `offset` of the file.
  [[nodiscard]] std::byte* data() const { return base_ + lead_; }

 private:
  Mapping(std::byte* base, std::size_t length, std::size_t lead)
      : base_(base), length_(length), lead_(lead) {}

  std::byte* base_;
  std::size_t length_;  ///< Whole pages of the file system, as munmap(2) wants them.
  std::size_t lead_;    ///< From the start of the first page to `offset`.
};

/// Ends the process with a sentence and status 1, instead of a core dump, when it touches guest
/// memory whose file was cut short after it was mapped.
///
/// Why not refuse files without F_SEAL_SHRINK: QEMU and crosvm seal theirs, but Cloud Hypervisor,
/// UML and memory-backend-file cannot or do not.  Why not go on: the file is the guest's whole
/// memory, so nobody is left to be served; and a guest cannot do this, only its VMM can.
/// Process-wide; calling it again changes nothing.
void end_cleanly_when_memory_shrinks();

}  // namespace nineroot::virtio
