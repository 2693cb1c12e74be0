// How much room a tree takes, and how much of it other trees use too.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/failure.h"
#include "storage/extent_set.h"

namespace nineroot::storage {

struct Usage {
  std::uint64_t inodes = 0;
  std::uint64_t logical = 0;    ///< Sum of the sizes of files: what a copy without holes takes.
  std::uint64_t allocated = 0;  ///< Sum of st_blocks: what each file for itself says that it takes.
  std::uint64_t exclusive = 0;  ///< Of it, what no other file shares: freed if the tree is removed.
  std::uint64_t shared = 0;     ///< Of it, what other files share, in this tree or out of it, once.
  std::uint64_t unreadable = 0;  ///< Directories that may not be read, and files whose sharing is
                                 ///< therefore unknown (they count as exclusive).

  /// Of several trees; what they share with each other is in `shared` of each.
  Usage& operator+=(const Usage& other);
};

/// Adds trees up, so that what several of them share is counted once in the total.
class UsageMeter {
 public:
  /// Measures the tree behind `root` (borrowed), hard links once; `name` is for messages.  Sharing
  /// is told by FIEMAP on btrfs, XFS and bcachefs; elsewhere all of it is exclusive.  A number is
  /// that of a moment when something writes meanwhile, and "shared" says nothing of who shares.
  Outcome<Usage> measure(int root, const std::string& name);

  /// Of all trees so far.  What only some of these trees share among themselves is `shared` here
  /// too.
  [[nodiscard]] const Usage& total() const { return total_; }

 private:
  Usage total_;
  std::map<std::string, ExtentSet> seen_;  ///< What all trees share, by sharing_domain().
};

}  // namespace nineroot::storage
