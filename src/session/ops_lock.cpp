// Tlock Tgetlock: advisory locks.
//
// A tree that is one guest's alone needs none on the host: the guest's kernel has settled the
// conflicts inside it before it asks (fs/9p/vfs_file.c v9fs_file_do_lock), so the answer is
// success. With SessionOptions::takes_host_locks they are taken on the host as well.
#include "session/session.h"

namespace nineroot::session {
namespace {

/// Errors: EINVAL a range that leaves the 63 bits of an offset.
Result<fs::LockRange> lock_range(std::uint64_t start, std::uint64_t length) {
  constexpr std::uint64_t kLast = fs::LockRange::kLastByte;
  if (start > kLast || (length > 0 && length - 1 > kLast - start)) {
    return fail(EINVAL);
  }
  return fs::LockRange{.first = start, .last = length == 0 ? kLast : start + length - 1};
}

fs::LockLevel level_of(std::uint8_t type) {
  switch (type) {
    case wire::kLockRead:
      return fs::LockLevel::shared;
    case wire::kLockWrite:
      return fs::LockLevel::exclusive;
    default:
      return fs::LockLevel::none;
  }
}

}  // namespace

Result<wire::Rlock> Session::on(const wire::Tlock& m) {
  Fid* fid = TRY(fids_.get(m.fid));
  constexpr std::uint32_t kKnownFlags = wire::kLockFlagsBlock | wire::kLockFlagsReclaim;
  if (m.type > wire::kLockUnlock || (m.flags & ~kKnownFlags) != 0) {
    return fail(EINVAL);
  }
  if (!host_locks_) {
    return wire::Rlock{.status = wire::kLockSuccess};
  }
  const fs::LockRange range = TRY(lock_range(m.start, m.length));
  const auto done =
      host_locks_->set(fid->node, {.fid = m.fid, .process = m.proc_id}, level_of(m.type), range);
  if (!done) {
    // Never waits: a client that wants to asks again (locktimeout).
    const bool is_held = done.error() == Errno{EAGAIN};
    return wire::Rlock{.status = is_held ? wire::kLockBlocked : wire::kLockError};
  }
  if (m.type != wire::kLockUnlock && fid->used().locks == nullptr) {
    fid->in_use().locks = std::make_unique<FidLocks>(*host_locks_, fid->node, m.fid);
  }
  return wire::Rlock{.status = wire::kLockSuccess};
}

Result<wire::Rgetlock> Session::on(const wire::Tgetlock& m) {
  const Fid* fid = TRY(fids_.get(m.fid));
  if (m.type > wire::kLockUnlock) {
    return fail(EINVAL);
  }
  wire::Rgetlock reply{.type = wire::kLockUnlock,
                       .start = m.start,
                       .length = m.length,
                       .proc_id = m.proc_id,
                       .client_id = m.client_id};
  if (!host_locks_) {
    return reply;
  }
  const fs::LockRange range = TRY(lock_range(m.start, m.length));
  // Linux asks with the type "unlocked", whichever its program wants.
  const bool wants_shared = m.type == wire::kLockRead;
  const auto conflict = TRY(host_locks_->test(
      fid->node, wants_shared ? fs::LockLevel::shared : fs::LockLevel::exclusive, range));
  if (conflict) {
    constexpr std::uint64_t kLast = fs::LockRange::kLastByte;
    const fs::LockRange& held = conflict->range;
    reply.type = conflict->level == fs::LockLevel::shared ? wire::kLockRead : wire::kLockWrite;
    reply.start = held.first;
    reply.length = held.last == kLast ? 0 : held.last - held.first + 1;
    reply.proc_id = conflict->pid;
    reply.client_id = "host";
  }
  return reply;
}

}  // namespace nineroot::session
