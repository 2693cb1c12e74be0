// A hash of a file's content, by which files that may be equal find each other.
#pragma once

#include <compare>
#include <cstdint>

#include "base/result.h"

namespace nineroot::storage {

/// Two files with the same one are taken for equal until the kernel has compared them: nothing is
/// at stake if they are not.
struct ContentHash {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  auto operator<=>(const ContentHash&) const = default;
};

/// Of the first `size` bytes of a file that is open for reading: one that grows meanwhile is not
/// followed.  XXH3 (128 bits) over the blocks of 64 KiB that are not all zeros, each with its
/// place, so that holes are not read and count as the zeros that they are.
Result<ContentHash> hash_content(int file, std::uint64_t size);

}  // namespace nineroot::storage
