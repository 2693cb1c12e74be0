// Which locks a guest's programs hold on one inode, and what that asks of the host.  Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "fs/lock_file.h"

namespace nineroot::session {

/// Who holds a lock, as Tlock says it: the fid and the guest's process.  Linux sends flock(2)
/// locks, which belong to the open file, and fcntl(2) locks, which belong to the process, as the
/// same message (fs/9p/vfs_file.c v9fs_file_do_lock).
struct LockOwner {
  std::uint32_t fid = 0;
  std::uint32_t process = 0;
};

/// The guest's kernel has settled the conflicts inside the guest, so shared locks of several
/// owners may lie over each other and an exclusive one is alone.
class LockRanges {
 public:
  /// The locks after `owner` has set `level` on `range` (none: unlocked it).
  ///
  /// A range that the same fid held is replaced.  What other fids of the same process hold there is
  /// replaced as fcntl(2) would, but not if it and the request are whole files: those may be
  /// flock(2) locks of two open files, and a lock is rather kept too long than lost.
  [[nodiscard]] LockRanges after(const LockOwner& owner, fs::LockLevel level,
                                 const fs::LockRange& range) const;

  /// The locks without those of a fid that is gone.
  [[nodiscard]] LockRanges without(std::uint32_t fid) const;

  /// A range and the strongest lock that anybody holds on all of it.
  struct Segment {
    fs::LockRange range;
    fs::LockLevel before = fs::LockLevel::none;
    fs::LockLevel after = fs::LockLevel::none;
  };

  /// Where the strongest lock differs between these and `next`: what to change on the host.
  [[nodiscard]] std::vector<Segment> changes(const LockRanges& next) const;

  /// The strongest lock of the whole file alone.
  [[nodiscard]] fs::LockLevel whole() const;

  [[nodiscard]] std::size_t size() const { return held_.size(); }

 private:
  struct Held {
    LockOwner owner;
    fs::LockLevel level = fs::LockLevel::none;
    fs::LockRange range;
  };

  [[nodiscard]] fs::LockLevel level_at(std::uint64_t offset) const;

  std::vector<Held> held_;
};

}  // namespace nineroot::session
