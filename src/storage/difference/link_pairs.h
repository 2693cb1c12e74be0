// Whether names that are one file in one tree are one file in the other tree too.
#pragma once

#include <map>
#include <utility>

#include "storage/difference/guest_inode.h"

namespace nineroot::storage {

class LinkPairs {
 public:
  /// False if `a` or `b` was seen with another partner before.  To be asked of each name of the
  /// files that have several.
  bool belong_together(const HostInode& a, const HostInode& b) {
    const Key ours{a.device, a.number};
    const Key theirs{b.device, b.number};
    // Both are noted, whatever the first of them says.
    const bool is_as_before = partners_of_a_.try_emplace(ours, theirs).first->second == theirs;
    const bool is_as_before_too = partners_of_b_.try_emplace(theirs, ours).first->second == ours;
    return is_as_before && is_as_before_too;
  }

 private:
  using Key = std::pair<dev_t, std::uint64_t>;

  std::map<Key, Key> partners_of_a_;
  std::map<Key, Key> partners_of_b_;
};

}  // namespace nineroot::storage
