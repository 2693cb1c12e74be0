// Where a file's data lies on its file system, as FIEMAP tells it.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"

namespace nineroot::storage {

struct Extent {
  std::uint64_t logical = 0;
  std::uint64_t physical = 0;
  std::uint64_t length = 0;
  std::uint32_t flags = 0;  ///< FIEMAP_EXTENT_* of <linux/fiemap.h>.

  bool operator==(const Extent&) const = default;

  [[nodiscard]] bool is_shared() const;

  /// False where the address does not tell which bytes are there: not written out yet, inline,
  /// compressed, preallocated.
  [[nodiscard]] bool is_exact() const;
};

enum class Dirty { ignored, written_out };

/// The extents of a regular file that is open for reading, in order; holes are left out.  With
/// written_out, what is only in the page cache is written first; without, it has no address yet or
/// its old one.  EOPNOTSUPP where the file system has no FIEMAP.
Result<std::vector<Extent>> read_extents(int file, Dirty dirty);

/// True only if both files are sure to hold the same bytes because they share every extent.  Both
/// must be of one sharing_domain() (file_system.h) and have been read with Dirty::written_out.
[[nodiscard]] bool share_all(const std::vector<Extent>& a, const std::vector<Extent>& b);

}  // namespace nineroot::storage
