// Finds, among the differences of two trees, what was only given another name.
#pragma once

#include <vector>

#include "base/unique_fd.h"
#include "storage/difference/difference.h"
#include "storage/difference/tree_difference.h"

namespace nineroot::storage {

/// Takes all differences of a comparison, then passes them on in the same order, but what was
/// removed and added with the same inode number and birth time as one that was renamed, in the
/// place of what was added.  What a renamed directory holds is not told of unless it changed; then
/// its `from` is its path before.  Keeps all of them in memory until then.
///
/// Between two devices this is done only if the options say when the trees parted: elsewhere inode
/// numbers are equal by chance, and so are the birth times of what was made within a clock's step.
class RenameFinder {
 public:
  /// The trees and options of the comparison; borrowed.
  RenameFinder(const ComparedTree& a, const ComparedTree& b, const CompareOptions& options)
      : a_(a), b_(b), options_(options) {}

  void take(Difference one) { all_.push_back(std::move(one)); }

  /// After the last one.
  Outcome<void> pass_on(const DifferenceSink& onward);

 private:
  Outcome<void> pair(Difference& removed, Difference& added) const;
  Outcome<bool> is_same_content(const Difference& one) const;
  Result<UniqueFd> open(const ComparedTree& tree, const std::string& path) const;

  const ComparedTree& a_;
  const ComparedTree& b_;
  const CompareOptions& options_;
  std::vector<Difference> all_;
};

}  // namespace nineroot::storage
