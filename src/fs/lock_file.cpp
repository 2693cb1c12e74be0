#include "fs/lock_file.h"

#include <fcntl.h>
#include <sys/file.h>

#include "fs/sys.h"
#include "fs/tree.h"

namespace nineroot::fs {
namespace {

/// The host's description of a lock; l_pid stays 0, as OFD locks demand.
struct flock host_lock(LockLevel level, const LockRange& range) {
  struct flock lock{};
  lock.l_type = F_UNLCK;
  if (level != LockLevel::none) {
    lock.l_type = level == LockLevel::shared ? F_RDLCK : F_WRLCK;
  }
  lock.l_whence = SEEK_SET;
  lock.l_start = static_cast<off_t>(range.first);
  lock.l_len =
      range.last == LockRange::kLastByte ? 0 : static_cast<off_t>(range.last - range.first + 1);
  return lock;
}

}  // namespace

LockFile::~LockFile() {
  // Closing the last descriptor of the open file ends its locks.
  (void)budget_.close(slot_);
}

Result<void> LockFile::adopt(UniqueFd fd) {
  const FdLease lease = TRY(budget_.adopt(slot_, std::move(fd)));
  TRY(budget_.pin(slot_));
  fd_ = lease.fd();
  return {};
}

Result<void> LockFile::set(LockLevel level, const LockRange& range) {
  struct flock lock = host_lock(level, range);
  if (::fcntl(fd_, F_OFD_SETLK, &lock) < 0) {
    return errno == EACCES ? fail(EAGAIN) : fail_errno();
  }
  return {};
}

Result<void> LockFile::set_whole(LockLevel level) {
  int operation = LOCK_UN;
  if (level != LockLevel::none) {
    operation = (level == LockLevel::shared ? LOCK_SH : LOCK_EX) | LOCK_NB;
  }
  if (::flock(fd_, operation) < 0) {
    return fail_errno();
  }
  return {};
}

Result<std::optional<LockConflict>> LockFile::test(LockLevel level, const LockRange& range) {
  struct flock lock = host_lock(level, range);
  if (::fcntl(fd_, F_OFD_GETLK, &lock) < 0) {
    return fail_errno();
  }
  if (lock.l_type == F_UNLCK) {
    return std::nullopt;
  }
  const auto first = static_cast<std::uint64_t>(lock.l_start);
  return LockConflict{
      .level = lock.l_type == F_RDLCK ? LockLevel::shared : LockLevel::exclusive,
      .range = {.first = first,
                .last = lock.l_len == 0 ? LockRange::kLastByte
                                        : first + static_cast<std::uint64_t>(lock.l_len) - 1},
      .pid = static_cast<std::uint32_t>(lock.l_pid)};
}

Result<std::unique_ptr<LockFile>> Tree::open_lock_file(const NodeRef& node) {
  if (!S_ISREG(node->host_type()) && !S_ISDIR(node->host_type())) {
    return fail(EBADF);  // Opening a device acts on it, and a fifo waits for its other end.
  }
  const FdLease path_fd = TRY(table_.lease(node));
  const bool is_writable = !options_.is_read_only && S_ISREG(node->host_type());
  auto fd = sys::reopen(path_fd.fd(), is_writable ? O_RDWR : O_RDONLY);
  if (!fd && is_writable) {
    fd = sys::reopen(path_fd.fd(), O_RDONLY);  // Shared locks at least.
  }
  UniqueFd opened = TRY(std::move(fd));
  auto file = std::make_unique<LockFile>(budget_);
  TRY(file->adopt(std::move(opened)));
  return file;
}

}  // namespace nineroot::fs
