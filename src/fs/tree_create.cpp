// Tree: opening and making files, directories, nodes and symlinks.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "fs/in_place.h"
#include "fs/sys.h"
#include "fs/tree.h"

namespace nineroot::fs {
namespace {

/// O_APPEND is left out on purpose: Linux's pwrite(2) on such a descriptor ignores the offset, and
/// a client that writes pages back (cache=mmap, loose) would then append them.
constexpr int kOpenFlags = O_ACCMODE | O_TRUNC | O_DSYNC | (O_SYNC & ~O_DSYNC);

/// What open(2) of the guest's type would say.
Result<void> check_openable(std::uint32_t mode, int flags) {
  if (S_ISLNK(mode)) {
    return fail(ELOOP);
  }
  if (S_ISDIR(mode)) {
    return (flags & O_ACCMODE) == O_RDONLY ? Result<void>{} : fail(EISDIR);
  }
  if (!S_ISREG(mode)) {
    return fail(ENXIO);  // The guest's kernel opens devices, fifos and sockets itself.
  }
  return {};
}

}  // namespace

Result<UniqueFd> Tree::open_host_file(int fd, int flags) const {
  if ((flags & O_DIRECTORY) != 0) {
    return sys::reopen_directory(fd);
  }
  if (flags == O_RDONLY && options_.fast_paths.shares_reads) {
    if (auto copy = sys::duplicate_readable(fd)) {
      return copy;
    }
  }
  return sys::reopen(fd, flags);
}

Result<Opened> Tree::open(const NodeRef& node, int flags) {
  if ((flags & O_ACCMODE) == O_ACCMODE) {
    flags = (flags & ~O_ACCMODE) | O_RDWR;  // Linux's "3": ioctl only.
  }
  if ((flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC) != 0) {
    TRY(check_writable());
  }
  const InPlace held = TRY(in_place(node));
  const struct statx stat = TRY(sys::stat(held.fd.fd()));
  const Attr attr = TRY(attr_of(node, held.target(), stat));
  TRY(check_openable(attr.mode, flags));
  node->set_may_have_set_id(true);
  const bool is_directory = S_ISDIR(node->host_type());
  int host_flags = is_directory ? O_RDONLY | O_DIRECTORY : flags & kOpenFlags;
  auto opened = open_host_file(held.fd.fd(), host_flags);
  if (!opened && opened.error() == Errno{EPERM} && (flags & O_APPEND) != 0) {
    host_flags |= O_APPEND;  // An append-only file (chattr +a) is opened in no other way.
    opened = sys::reopen(held.fd.fd(), host_flags);
  }
  UniqueFd fd = TRY(std::move(opened));
  if ((host_flags & O_TRUNC) != 0) {
    node->set_truncated();
    node->set_known_size(0);
  }
  auto file = std::make_unique<OpenFile>(*this, node, host_flags);
  const FdLease lease = TRY(budget_.adopt(file->slot_, std::move(fd)));
  keep_writable(*file);
  return Opened{.attr = attr, .file = std::move(file)};
}

bool Tree::may_close_slowly(const NodeRef& node, int fd) {
  // It may flush (NFS, or after a truncation), or free an unlinked file.
  const bool was_truncated = node->take_truncated();
  return was_truncated || !options_.fast_paths.closes_at_once ||
         !table_.is_local(node->id().device) || (!table_.place(node) && !sys::is_small(fd));
}

void Tree::keep_writable(OpenFile& file) {
  // Where the host's mode is the guest's, a file that was created 0444 could not be opened for
  // writing again.
  if (!identity_->maps_types() && file.is_writable()) {
    budget_.pin_if_cheap(file.slot_);
  }
}

Result<Found> Tree::adopt_new(const NodeRef& dir, int dir_fd, const Name& name,
                              const NewInode& inode) {
  const auto adopt = [&]() -> Result<Found> {
    const std::uint32_t type = identity_->maps_types() && !S_ISDIR(inode.mode)
                                   ? std::uint32_t{S_IFREG}
                                   : inode.mode & S_IFMT;
    UniqueFd fd = TRY(table_.open_inode(dir_fd, name.c_str(), dir->id().device, type));
    const struct statx stat = TRY(sys::stat(fd.get()));
    NodeRef node = TRY(table_.intern(std::move(fd), stat, dir, name.view()));
    const FdLease own = TRY(table_.lease(node));
    const Target target{.fd = own.fd(),
                        .id = &node->id(),
                        .dir_fd = dir_fd,
                        .name = name.c_str(),
                        .is_root = false};
    TRY(identity_->record_new(target, inode));
    Attr attr;
    attr.number = TRY(numbers_.number(node->id().device, node->id().inode, own.fd()));
    attr.mode = inode.mode;
    return Found{.node = std::move(node), .attr = attr};
  };
  auto found = adopt();
  if (!found) {
    (void)sys::unlink(dir_fd, name.c_str(), S_ISDIR(inode.mode));
  }
  return found;
}

Result<Created> Tree::create(const NodeRef& dir, const Name& name, int flags, std::uint32_t mode,
                             const Creator& creator) {
  TRY(check_writable());
  const FdLease dir_fd = TRY(lease_dir(dir));
  if (identity_->is_hidden(name.view())) {
    return fail(EINVAL);
  }
  if ((flags & O_ACCMODE) == O_ACCMODE) {
    flags = (flags & ~O_ACCMODE) | O_RDWR;
  }
  const int host_flags = flags & kOpenFlags;
  const NewInode inode = TRY(new_inode(S_IFREG | (mode & 07777U), creator, std::nullopt));
  auto fd = sys::open_beneath(dir_fd.fd(), name.c_str(), host_flags | O_CREAT | O_EXCL,
                              mapped::kHostFileMode);
  if (!fd && fd.error() == Errno{EEXIST} && (flags & O_EXCL) == 0) {
    Found found = TRY(lookup(dir, name));
    if (S_ISDIR(found.attr.mode)) {
      return fail(EISDIR);  // As open(2) with O_CREAT, for reading too.
    }
    Opened opened = TRY(open(found.node, flags));
    return Created{.found = std::move(found), .file = std::move(opened.file)};
  }
  UniqueFd own = TRY(std::move(fd));
  Found found = TRY(adopt_new(dir, dir_fd.fd(), name, inode));
  auto file = std::make_unique<OpenFile>(*this, found.node, host_flags & ~O_TRUNC);
  const FdLease lease = TRY(budget_.adopt(file->slot_, std::move(own)));
  keep_writable(*file);
  return Created{.found = std::move(found), .file = std::move(file)};
}

Result<Found> Tree::make_dir(const NodeRef& dir, const Name& name, std::uint32_t mode,
                             const Creator& creator) {
  TRY(check_writable());
  const FdLease dir_fd = TRY(lease_dir(dir));
  if (identity_->is_hidden(name.view())) {
    return fail(EINVAL);
  }
  const NewInode inode = TRY(new_inode(S_IFDIR | (mode & 07777U), creator, std::nullopt));
  TRY(sys::make_dir(dir_fd.fd(), name.c_str(), mapped::kHostDirMode));
  return adopt_new(dir, dir_fd.fd(), name, inode);
}

Result<void> Tree::make_stand_in(int dir_fd, const Name& name, std::string_view content) {
  const UniqueFd fd = TRY(
      sys::open_beneath(dir_fd, name.c_str(), O_WRONLY | O_CREAT | O_EXCL, mapped::kHostFileMode));
  const auto written = sys::write_all(fd.get(), std::as_bytes(std::span(content)));
  if (!written) {
    (void)sys::unlink(dir_fd, name.c_str(), false);
  }
  return written;
}

Result<Found> Tree::make_node(const NodeRef& dir, const Name& name, std::uint32_t mode,
                              std::uint64_t rdev, const Creator& creator) {
  TRY(check_writable());
  const FdLease dir_fd = TRY(lease_dir(dir));
  const std::uint32_t type = (mode & S_IFMT) == 0 ? std::uint32_t{S_IFREG} : mode & S_IFMT;
  const bool is_known =
      type == S_IFREG || type == S_IFCHR || type == S_IFBLK || type == S_IFIFO || type == S_IFSOCK;
  if (!is_known || identity_->is_hidden(name.view())) {
    return fail(EINVAL);
  }
  if (rdev > UINT32_MAX) {
    return fail(EINVAL);  // Neither 9P nor mapped-file nor mknod(2) has room for more.
  }
  const NewInode inode = TRY(new_inode(type | (mode & 07777U), creator, rdev));
  if (identity_->maps_types() || type == S_IFREG) {
    TRY(make_stand_in(dir_fd.fd(), name, {}));
  } else {
    TRY(sys::make_node(dir_fd.fd(), name.c_str(), type | 0600U, rdev));
  }
  return adopt_new(dir, dir_fd.fd(), name, inode);
}

Result<Found> Tree::make_symlink(const NodeRef& dir, const Name& name, std::string_view target,
                                 const Creator& creator) {
  TRY(check_writable());
  const FdLease dir_fd = TRY(lease_dir(dir));
  if (target.empty()) {
    return fail(ENOENT);
  }
  if (target.find('\0') != std::string_view::npos || identity_->is_hidden(name.view())) {
    return fail(EINVAL);
  }
  if (target.size() >= PATH_MAX) {
    return fail(ENAMETOOLONG);
  }
  const NewInode inode = TRY(new_inode(S_IFLNK | 0777U, creator, std::nullopt));
  if (identity_->maps_types()) {
    TRY(make_stand_in(dir_fd.fd(), name, target));
  } else {
    TRY(sys::make_symlink(std::string(target).c_str(), dir_fd.fd(), name.c_str()));
  }
  return adopt_new(dir, dir_fd.fd(), name, inode);
}

}  // namespace nineroot::fs
