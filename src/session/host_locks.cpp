#include "session/host_locks.h"

namespace nineroot::session {

using fs::LockLevel;

namespace {

/// More ranges than this in one file are a guest's attempt to make each lock dear.
constexpr std::size_t kMaxRanges = 4096;
constexpr std::size_t kMaxInodes = 16384;

/// flock(2) cannot change a lock without a moment in which it is not held; if another got it then,
/// the old one is taken again as soon as that can be.
Result<void> change_whole(fs::LockFile& file, LockLevel before, LockLevel after) {
  if (before == after) {
    return {};
  }
  auto changed = file.set_whole(after);
  if (!changed && before != LockLevel::none) {
    (void)file.set_whole(before);
  }
  return changed;
}

}  // namespace

Result<void> HostLocks::apply(Inode& inode, LockRanges next) {
  const std::vector<LockRanges::Segment> segments = inode.ranges.changes(next);
  const LockLevel whole_before = inode.ranges.whole();
  const LockLevel whole_after = next.whole();
  // What grows first, so that nothing was given up if it cannot.
  std::size_t taken = 0;
  Result<void> result;
  for (; taken < segments.size() && result; ++taken) {
    if (segments[taken].after > segments[taken].before) {
      result = inode.file->set(segments[taken].after, segments[taken].range);
    }
  }
  if (result) {
    result = change_whole(*inode.file, whole_before, whole_after);
  }
  for (std::size_t i = 0; i < taken; ++i) {
    const LockRanges::Segment& segment = segments[i];
    if (result && segment.after < segment.before) {
      (void)inode.file->set(segment.after, segment.range);
    } else if (!result && segment.after > segment.before) {
      (void)inode.file->set(segment.before, segment.range);
    }
  }
  if (result) {
    inode.ranges = std::move(next);
  }
  return result;
}

Result<void> HostLocks::set(const fs::NodeRef& node, const LockOwner& owner, LockLevel level,
                            const fs::LockRange& range) {
  auto found = inodes_.find(node.get());
  if (found == inodes_.end()) {
    if (level == LockLevel::none) {
      return {};
    }
    auto file = tree_.open_lock_file(node);
    if (!file || inodes_.size() >= kMaxInodes) {
      return fail(ENOLCK);
    }
    found = inodes_.emplace(node.get(), Inode{node, std::move(*file), {}}).first;
  }
  Inode& inode = found->second;
  LockRanges next = inode.ranges.after(owner, level, range);
  Result<void> result = fail(ENOLCK);
  if (next.size() <= kMaxRanges) {
    result = apply(inode, std::move(next));
  }
  if (inode.ranges.size() == 0) {
    inodes_.erase(found);
  }
  if (!result && result.error() != Errno{EAGAIN}) {
    return fail(ENOLCK);
  }
  return result;
}

Result<std::optional<fs::LockConflict>> HostLocks::test(const fs::NodeRef& node, LockLevel level,
                                                        const fs::LockRange& range) {
  const auto found = inodes_.find(node.get());
  if (found != inodes_.end()) {
    return found->second.file->test(level, range);
  }
  const auto file = TRY(tree_.open_lock_file(node));
  return file->test(level, range);
}

void HostLocks::forget(const fs::NodeRef& node, std::uint32_t fid) {
  const auto found = inodes_.find(node.get());
  if (found == inodes_.end()) {
    return;
  }
  (void)apply(found->second, found->second.ranges.without(fid));
  if (found->second.ranges.size() == 0) {
    inodes_.erase(found);
  }
}

}  // namespace nineroot::session
