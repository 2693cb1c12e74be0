#include "fs/open_file.h"

#include <fcntl.h>

#include "fs/sys.h"
#include "fs/tree.h"

namespace nineroot::fs {
namespace {

/// What counts of open(2)'s flags when a file is opened again.  O_DIRECT does not: guest pages need
/// not be aligned.  O_APPEND comes from Tree::open() where nothing else is possible.
constexpr int kKeptFlags = O_ACCMODE | O_APPEND | O_DSYNC | (O_SYNC & ~O_DSYNC);

}  // namespace

OpenFile::OpenFile(Tree& tree, NodeRef node, int flags)
    : tree_(tree),
      node_(std::move(node)),
      flags_(flags & kKeptFlags),
      is_directory_(S_ISDIR(node_->host_type())) {
  if (is_directory_) {
    flags_ = O_RDONLY | O_DIRECTORY;
  }
}

OpenFile::~OpenFile() {
  UniqueFd fd = tree_.budget_.close(slot_);
  if (fd.is_open() && is_writable() && tree_.may_close_slowly(node_, fd.get())) {
    tree_.options_.close_later(std::move(fd));
  }
}

bool OpenFile::is_writable() const {
  return (flags_ & O_ACCMODE) != O_RDONLY;
}

bool OpenFile::is_synchronous() const {
  return (flags_ & O_DSYNC) != 0;
}

Result<FdLease> OpenFile::lease() {
  if (auto lease = tree_.budget_.lease(slot_)) {
    return std::move(*lease);
  }
  const auto node = tree_.table_.lease(node_);
  if (!node) {
    return node.error() == Errno{ENOENT} ? fail(ESTALE) : std::unexpected(node.error());
  }
  UniqueFd fd = TRY(sys::reopen(node->fd(), flags_));
  return tree_.budget_.adopt(slot_, std::move(fd));
}

Result<std::size_t> OpenFile::read(const IoVecs& to, std::uint64_t offset, bool may_wait) {
  if (is_directory_) {
    return fail(EISDIR);
  }
  const FdLease fd = TRY(lease());
  int flags = may_wait ? 0 : RWF_NOWAIT;
  std::size_t total = 0;
  while (total < to.size()) {
    const IoVecs rest = to.slice(total, to.size() - total);
    const auto size = sys::read(fd.fd(), rest, offset + total, flags);
    if (!size && size.error() == Errno{EOPNOTSUPP} && flags != 0) {
      flags = 0;  // A file system that does not tell cached from not.
      continue;
    }
    if (!size && total > 0 && size.error() != Errno{EAGAIN}) {
      break;  // The error comes again when the client asks for the rest.
    }
    const std::size_t got = TRY(size);
    total += got;
    // With RWF_NOWAIT a short read may only mean that the rest is not cached.
    if (got == 0 || (flags == 0 && got < rest.size())) {
      break;
    }
  }
  if (total == 0 && to.size() > 0 && offset < node_->known_size()) {
    return fail(ESTALE);
  }
  return total;
}

Result<std::size_t> OpenFile::write(const IoVecs& from, std::uint64_t offset) {
  if (is_directory_) {
    return fail(EISDIR);
  }
  const FdLease fd = TRY(lease());
  std::size_t total = 0;
  while (total < from.size()) {
    const IoVecs rest = from.slice(total, from.size() - total);
    const auto size = sys::write(fd.fd(), rest, offset + total);
    if (!size && total > 0) {
      break;
    }
    const std::size_t got = TRY(size);
    if (got == 0) {
      return fail(EIO);  // Linux v9fs repeats a write of 0 bytes for ever.
    }
    total += got;
  }
  node_->raise_known_size(offset + total);
  return total;
}

Result<void> OpenFile::sync(bool is_data_only) {
  const FdLease fd = TRY(lease());
  if ((is_data_only ? ::fdatasync(fd.fd()) : ::fsync(fd.fd())) < 0) {
    return fail_errno();
  }
  return {};
}

Result<void> OpenFile::truncate(std::uint64_t size) {
  const FdLease fd = TRY(lease());
  return sys::truncate(fd.fd(), size);
}

}  // namespace nineroot::fs
