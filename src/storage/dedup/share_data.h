// Makes files that hold the same bytes hold them in the same place: FIDEDUPERANGE, which compares
// under lock and touches neither content nor times, so that it is safe while others write.
#pragma once

#include <cstdint>
#include <span>

#include "base/result.h"

namespace nineroot::storage {

/// A file that is to share its data with a source.
struct ShareTarget {
  int file = -1;             ///< Open for reading; ours, or open for writing too.
  std::uint64_t shared = 0;  ///< Bytes that share now.
  /// Why no more were: 0 none is left; EAGAIN the bytes differ; EINVAL another size, the same
  /// inode, or a layout that cannot be shared (nodatacow); EPERM not ours; EROFS a read-only
  /// mount (read-only snapshots of btrfs take it); ETXTBSY a swap file; and what else the file
  /// system gives.
  int error = 0;
};

/// How many targets share_data() takes at once: as many as fit in the page that the kernel reads.
inline constexpr std::size_t kMostShareTargets = 127;

/// Lets all `targets` share the data of `source`, whose size is `size`; its holes are passed over.
/// An error is the source's: EOPNOTSUPP where the file system cannot share data.
Result<void> share_data(int source, std::uint64_t size, std::span<ShareTarget> targets);

/// Whether the file system of `file` (open for reading, regular) has the call at all: EOPNOTSUPP if
/// not.  An XFS without reflink has it and yet shares nothing, as the first share_data() tells.
Result<void> probe_sharing(int file);

}  // namespace nineroot::storage
