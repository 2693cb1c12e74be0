// What a copied file remembers of the file that it is a copy of: enough to tell later, without
// reading either, whether the original has changed since.
#pragma once

#include <sys/stat.h>

#include <cstdint>

#include "base/result.h"

namespace nineroot::storage {

/// The extended attribute of a copy's files and directories that holds it; never copied itself.
inline constexpr const char* kOriginXattr = "user.nineroot.origin";

/// An inode at one instant.  ctime cannot be set by anybody, so that equal ones mean an unchanged
/// inode, but for changes within the same tick of the file system's clock: is_settled().
struct Origin {
  std::uint64_t inode = 0;
  std::int64_t ctime_ns = 0;

  bool operator==(const Origin&) const = default;

  static Origin of(const struct statx& info);
};

/// Whether the inode's last change is so long ago that a later one shows another ctime: more than
/// two ticks of the slowest kernel (HZ=100), measured by the clock that stamps inodes.
[[nodiscard]] bool is_settled(const struct statx& info);

Result<void> write_origin(int inode, const Origin& origin);

/// One of zeros, which equals no inode's, if none is recorded.
[[nodiscard]] Origin read_origin(int inode);

}  // namespace nineroot::storage
