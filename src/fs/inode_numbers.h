// One number for each inode of a tree that may span several host file systems: unique in the tree
// and the same after a restart of the server or the host.  docs/adr/0006-qid-path.md
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <utility>

#include "base/log_budget.h"
#include "base/result.h"

namespace nineroot::fs {

/// What to do when the tree spans several host file systems; the names are those of
/// `serve --multidevs`, and QEMU's.
enum class Multidevs : std::uint8_t {
  remap,   ///< Numbers that are unique over all of them.
  forbid,  ///< ENODEV for what is not on the root's file system.
  warn,    ///< The host's numbers as they are: two files may have the same.
};

/// Numbers are 48 bits of the host's inode number under 16 bits that stand for the file system and
/// the inode number's own high bits.  The tree's root file system has the bits 0, so there the
/// numbers are the host's.  Others get theirs from a hash of statfs(2)'s f_fsid, which stays the
/// same where st_dev does not (btrfs subvolumes); two that hash alike are told apart by who comes
/// first.  Thread-safe.
class InodeNumbers {
 public:
  /// `root_device` is the st_dev of the tree's root.
  explicit InodeNumbers(std::uint64_t root_device, Multidevs multidevs = Multidevs::remap)
      : root_device_(root_device), multidevs_(multidevs) {
    slots_[{root_device, 0}] = 0;
  }

  /// `fd` is any descriptor on that device, asked for its fsid at the first sight of the device.
  /// Errors: ENODEV another file system, with Multidevs::forbid; EOVERFLOW after 65,534 of them;
  /// else from fstatfs(2).
  Result<std::uint64_t> number(std::uint64_t device, std::uint64_t inode, int fd);

 private:
  static constexpr unsigned kInodeBits = 48;

  Result<std::uint64_t> number_elsewhere(std::uint64_t inode);

  std::uint64_t root_device_;
  Multidevs multidevs_;
  LogBudget complaints_{1};
  std::mutex mutex_;
  /// (st_dev, inode >> 48) to the high bits.
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::uint16_t> slots_;
  std::map<std::uint16_t, std::pair<std::uint64_t, std::uint64_t>> taken_;
};

}  // namespace nineroot::fs
