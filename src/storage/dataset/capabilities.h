// What a directory's file system can do for machines: found by doing it, in a scratch directory of
// its own that is gone afterwards.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/failure.h"

namespace nineroot::storage {

struct Capabilities {
  std::string type;  ///< "btrfs", "xfs", "ext4", "tmpfs" ...; the magic number in hexadecimal else.
  std::uint64_t total_bytes = 0;
  std::uint64_t free_bytes = 0;     ///< For ordinary users.
  bool has_xattrs = false;          ///< user.*, which mapped trees need.
  bool has_subvolumes = false;      ///< They can be made and snapshotted by us.
  bool removes_subvolumes = false;  ///< At once, as opposed to file by file.
  bool has_reflinks = false;        ///< FICLONE: copies of files that share their data.
  bool has_exchange = false;        ///< RENAME_EXCHANGE.
  bool has_dedupe = false;          ///< FIDEDUPERANGE.
  bool has_ceph_snapshots = false;  ///< A `.snap` in each directory.
  /// Whether the records of a mapped tree fit into its inodes; where not, each costs a block
  /// (ext4 with inodes of 256 bytes).
  bool has_room_in_inodes = true;

  /// "btrfs", "ceph", "reflink" or "copy": how data sets in it would be kept (docs/rollback.md).
  [[nodiscard]] std::string_view driver() const;

  /// Sentences for people: what costs them something here, and what to do.
  [[nodiscard]] std::vector<std::string> warnings() const;
};

/// `path` is a directory that we may write to.
Outcome<Capabilities> probe_capabilities(const std::string& path);

}  // namespace nineroot::storage
