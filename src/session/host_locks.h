// The locks of one session on the host: what `serve --shared` adds to Tlock and Tgetlock.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>

#include "fs/tree.h"
#include "session/lock_ranges.h"

namespace nineroot::session {

/// Holds each inode's locks by one open file, since to the host the session is one owner: its
/// guest's kernel has settled what is between the guest's own programs.  All go when it goes.
class HostLocks {
 public:
  explicit HostLocks(fs::Tree& tree) : tree_(tree) {}

  /// Errors: EAGAIN somebody outside this guest has it; ENOLCK it cannot be taken, or there are too
  /// many.
  Result<void> set(const fs::NodeRef& node, const LockOwner& owner, fs::LockLevel level,
                   const fs::LockRange& range);

  /// Who outside this guest is in the way.
  Result<std::optional<fs::LockConflict>> test(const fs::NodeRef& node, fs::LockLevel level,
                                               const fs::LockRange& range);

  /// The fid is gone, with the locks that were taken by it.
  void forget(const fs::NodeRef& node, std::uint32_t fid);

  void clear() { inodes_.clear(); }

 private:
  struct Inode {
    fs::NodeRef node;  ///< Keeps the key alive.
    std::unique_ptr<fs::LockFile> file;
    LockRanges ranges;
  };

  static Result<void> apply(Inode& inode, LockRanges next);

  fs::Tree& tree_;
  std::unordered_map<const fs::Node*, Inode> inodes_;
};

}  // namespace nineroot::session
