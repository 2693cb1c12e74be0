// Advisory locks on the host's file, for a tree that more than one guest or host programs use.
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "fs/fd_budget.h"

namespace nineroot::fs {

enum class LockLevel : std::uint8_t { none, shared, exclusive };

/// Bytes `first` to `last`, both in it; kLastByte stands for "and all that may come behind".
struct LockRange {
  static constexpr std::uint64_t kLastByte = INT64_MAX;

  std::uint64_t first = 0;
  std::uint64_t last = kLastByte;

  [[nodiscard]] bool is_whole() const { return first == 0 && last == kLastByte; }

  bool operator==(const LockRange&) const = default;
};

/// A lock of somebody else.
struct LockConflict {
  LockLevel level = LockLevel::exclusive;
  LockRange range;
  std::uint32_t pid = 0;  ///< On the host; UINT32_MAX if no single process has it.
};

/// An open file description of its own: what it holds excludes every other one on the host, by
/// fcntl(2)'s F_OFD_SETLK, so that it meets F_SETLK and OFD locks of others, and flock(2), which
/// Linux keeps apart from those.  All locks go with it.  Made by Tree::open_lock_file(); never
/// closed to save budget.  For one thread.
class LockFile {
 public:
  explicit LockFile(FdBudget& budget) : budget_(budget) {}

  ~LockFile();
  LockFile(const LockFile&) = delete;
  LockFile& operator=(const LockFile&) = delete;

  /// Errors: ENFILE.
  Result<void> adopt(UniqueFd fd);

  /// Sets, changes or ends the lock on a range at once, without waiting.  Errors: EAGAIN somebody
  /// else has it; EBADF an exclusive lock of a file that cannot be opened for writing; ENOLCK.
  Result<void> set(LockLevel level, const LockRange& range);

  /// The same by flock(2).  A change that fails may lose the lock that was there.
  Result<void> set_whole(LockLevel level);

  /// Who is in the way of such a lock.
  Result<std::optional<LockConflict>> test(LockLevel level, const LockRange& range);

 private:
  FdBudget& budget_;
  FdSlot slot_{FdSlot::Kind::file};
  int fd_ = -1;  ///< The slot's, which is pinned.
};

}  // namespace nineroot::fs
