// In what two trees differ, as their guests see them: by names, metadata and content.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "storage/difference/difference.h"
#include "storage/layout.h"

namespace nineroot::storage {

struct ComparedTree {
  int root = -1;  ///< Borrowed; O_PATH will do.
  Layout layout = Layout::plain;
  std::string name;         ///< For messages.
  std::string start = "/";  ///< Only what is at and below this path of the guest's.
  /// Its inodes are asked of what they are copies (CompareOptions::original).  Never a tree that
  /// somebody else writes to: he could make two files seem equal.
  bool is_copy = false;
};

/// What an inode was at one instant.
struct InodeState {
  std::uint64_t number = 0;
  timespec ctime{};
};

struct CompareOptions {
  /// Compare the bytes of files whose size and mtime are equal.  Without it they count as equal,
  /// which a program that sets mtimes can make wrong; with it the answer is exact.
  bool reads_content = false;

  /// When the older of two trees of one lineage (a btrfs or ZFS snapshot and what it was made of,
  /// or two such snapshots) was taken.  Then an inode number and a ctime that both trees have, and
  /// that is older than this, mean that nothing of that inode differs, and neither metadata nor
  /// content is read.  Never for a copy, whose inodes are others.
  std::optional<timespec> parted;

  /// For trees that are copies and remember what they are copies of: the state of the original of
  /// an inode (O_PATH), if it has one.  A copy is equal to an inode that is in that state still,
  /// and to a copy of the same state.  Only for trees of one lineage, and only if that state was
  /// older than the clock's step when it was copied.
  std::function<std::optional<InodeState>(int inode)> original;

  /// Paths that are not looked at, with all below them: nested data sets.
  std::function<bool(std::string_view path)> is_left_out;

  /// The path that is told of for where the trees start: that of a data set.
  std::string path = "/";
};

/// A start as clean_path() (entry_path.h) makes it; empty for the root.
Outcome<std::string> clean_start(const std::string& path);

/// Gives `sink` each difference: sorted by the bytes of each name, a directory before what is in
/// it, and all that is below a directory that was added or removed.  A path whose type changed
/// comes first as such, then what is in it as added or removed.  What kernel file systems (proc,
/// sysfs) hold is not looked at.  Directories differ by mtime whenever a name came or went.
/// ENOENT if neither tree has anything at its start.
///
/// Needs memory for the names of one directory per level and for files with several names, whatever
/// the size of the trees.  Exact only while nobody changes them; what vanishes meanwhile is taken
/// as not there.  A Failure names what cannot be read.
Outcome<void> compare_trees(const ComparedTree& a, const ComparedTree& b,
                            const CompareOptions& options, const DifferenceSink& sink);

}  // namespace nineroot::storage
