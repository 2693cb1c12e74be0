// A tree copied on the host, inode for inode: what a snapshot is where the file system makes none.
// The data is shared where the file system can (FICLONE).  Made in several passes, so that a guest
// has to be stopped only for the last, which does again what has changed since the one before.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>

#include "base/failure.h"

namespace nineroot::storage {

struct TreeCopyCounts {
  std::uint64_t entries = 0;   ///< Seen in the source.
  std::uint64_t made = 0;      ///< Copied in this pass; all others were equal already.
  std::uint64_t bytes = 0;     ///< Sizes of the files among them.
  std::uint64_t removed = 0;   ///< Of the copy, which the source has no more.
  std::uint64_t unstable = 0;  ///< Changed or went while being copied: for the next pass to do.
};

struct TreeCopySource {
  int root = -1;     ///< A directory, borrowed.
  std::string name;  ///< For messages.
  /// Directories that are not descended into, "home", "var/log": other data sets.  The copy has an
  /// empty directory there, with the attributes that the source's has.
  std::set<std::string> left_out;
  /// Whether the copy's inodes remember those of the source (origin.h).  Only such a copy can be
  /// gone over again.
  bool has_origins = true;
};

/// One pass: makes `to` (an empty directory, or what passes before have made) the equal of the
/// source.  Hard links within the tree stay such.  Nothing is followed out of either tree.
/// `on_entry` is called now and then.
Outcome<TreeCopyCounts> copy_tree(
    const TreeCopySource& source, int to,
    const std::function<Outcome<void>(const TreeCopyCounts&)>& on_entry = {});

}  // namespace nineroot::storage
