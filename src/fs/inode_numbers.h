// One number for each inode of a tree that may span several host file systems: unique in the tree
// and the same after a restart of the server or the host.  docs/adr/0006-qid-path.md
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <utility>

#include "base/result.h"

namespace nineroot::fs {

/// Numbers are 48 bits of the host's inode number under 16 bits that stand for the file system and
/// the inode number's own high bits.  The tree's root file system has the bits 0, so there the
/// numbers are the host's.  Others get theirs from a hash of statfs(2)'s f_fsid, which stays the
/// same where st_dev does not (btrfs subvolumes); two that hash alike are told apart by who comes
/// first.  Thread-safe.
class InodeNumbers {
 public:
  /// `root_device` is the st_dev of the tree's root.
  explicit InodeNumbers(std::uint64_t root_device) { slots_[{root_device, 0}] = 0; }

  /// `fd` is any descriptor on that device, asked for its fsid at the first sight of the device.
  /// Errors: EOVERFLOW after 65,534 file systems; else from fstatfs(2).
  Result<std::uint64_t> number(std::uint64_t device, std::uint64_t inode, int fd);

 private:
  static constexpr unsigned kInodeBits = 48;

  std::mutex mutex_;
  /// (st_dev, inode >> 48) to the high bits.
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::uint16_t> slots_;
  std::map<std::uint16_t, std::pair<std::uint64_t, std::uint64_t>> taken_;
};

}  // namespace nineroot::fs
