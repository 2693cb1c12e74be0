// Tree: attributes, symlink targets and xattrs.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <ctime>

#include "fs/acl_ids.h"
#include "fs/in_place.h"
#include "fs/sys.h"
#include "fs/tree.h"

namespace nineroot::fs {
namespace {

/// A ctime younger than this may be shared by a later change: the kernel's clock for time stamps
/// ticks at most every 10 ms (CONFIG_HZ=100).
constexpr std::int64_t kRacyNanoseconds = 20'000'000;
constexpr std::int64_t kCoarseNanoseconds = 2'000'000'000;

/// The longest symlink target that 9P can carry and any Linux client can use.
constexpr std::size_t kMaxTarget = 8192;

constexpr std::string_view kCapability = "security.capability";

timespec to_timespec(const statx_timestamp& stamp) {
  return {.tv_sec = stamp.tv_sec, .tv_nsec = static_cast<long>(stamp.tv_nsec)};
}

std::int64_t nanoseconds(const timespec& time) {
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

/// What a write leaves of a mode (Linux setattr_should_drop_suidgid()): set-group-id without
/// execution by the group gives no right and stays.
std::uint32_t without_set_id(std::uint32_t mode) {
  mode &= ~std::uint32_t{S_ISUID};
  return (mode & S_IXGRP) != 0 ? mode & ~std::uint32_t{S_ISGID} : mode;
}

/// No later change can leave `ctime` as it is, if the records are read after this was called.
bool is_settled(const timespec& ctime) {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
  // A file system that keeps whole seconds only (ext4 with small inodes, some NFS).
  const bool is_coarse = ctime.tv_nsec == 0;
  return nanoseconds(now) - nanoseconds(ctime) >
         (is_coarse ? kCoarseNanoseconds : kRacyNanoseconds);
}

/// Leaves in `wanted` what is not so by now; true if anything is left.  What the host changes
/// meanwhile came after us then.
bool drop_unchanged(mapped::Recorded& wanted, const mapped::Recorded& now) {
  const auto drop = [](auto& value, const auto& current) {
    if (value == current) {
      value.reset();
    }
  };
  drop(wanted.uid, now.uid);
  drop(wanted.gid, now.gid);
  drop(wanted.mode, now.mode);
  return wanted.uid || wanted.gid || wanted.mode;
}

}  // namespace

Result<mapped::Recorded> Tree::recorded_of(const NodeRef& node, const Target& target,
                                           const struct statx& stat) {
  if (!identity_->is_recorded_in_inode()) {
    return identity_->recorded(target);
  }
  const timespec ctime = to_timespec(stat.stx_ctime);
  if (auto cached = table_.cached(node, ctime)) {
    return *cached;
  }
  const bool is_told_apart = has_fine_ctimes_ && node->id().device == root_->id().device;
  const bool may_cache = is_told_apart || is_settled(ctime);
  const mapped::Recorded recorded = TRY(identity_->recorded(target));
  if (may_cache) {
    table_.cache(node, ctime, recorded);
  }
  return recorded;
}

Result<Attr> Tree::attr_of(const NodeRef& node, const Target& target, const struct statx& stat) {
  const mapped::Recorded recorded = TRY(recorded_of(node, target, stat));
  const InodeId id = id_of(stat);
  Attr attr;
  attr.number = TRY(numbers_.number(id.device, id.inode, target.fd));
  attr.generation = static_cast<std::uint64_t>(id.birth);
  attr.mode = identity_->maps_types() ? mapped::effective_mode(stat.stx_mode, recorded.mode)
                                      : stat.stx_mode;
  set_owner_of(attr, recorded, stat);
  attr.nlink = stat.stx_nlink;
  if (S_ISDIR(stat.stx_mode) && attr.nlink > 2) {
    attr.nlink -= identity_->hidden_links(target.fd);
  }
  attr.rdev = recorded.rdev.value_or(makedev(stat.stx_rdev_major, stat.stx_rdev_minor));
  attr.size = stat.stx_size;
  attr.blocks = stat.stx_blocks;
  attr.atime = to_timespec(stat.stx_atime);
  attr.mtime = to_timespec(stat.stx_mtime);
  attr.ctime = to_timespec(stat.stx_ctime);
  attr.btime = to_timespec(stat.stx_btime);
  return attr;
}

Result<Attr> Tree::attr(const NodeRef& node) {
  const InPlace held = TRY(in_place(node));
  const struct statx stat = TRY(sys::stat(held.fd.fd()));
  return attr_of(node, held.target(), stat);
}

Result<void> Tree::set_attr(const NodeRef& node, const SetAttr& change, OpenFile* file) {
  TRY(check_writable());
  const InPlace held = TRY(in_place(node));
  const Target target = held.target();
  const bool changes_records = change.mode || change.uid || change.gid;
  if (changes_records) {
    TRY(set_records(node, target, change));
  }
  if (change.size) {
    node->set_truncated();
    TRY(truncate(node, target, *change.size, file));
    node->set_known_size(*change.size);
  }
  if (change.atime || change.mtime) {
    constexpr timespec kOmit{.tv_sec = 0, .tv_nsec = UTIME_OMIT};
    TRY(sys::set_times(target.fd, {change.atime.value_or(kOmit), change.mtime.value_or(kOmit)}));
  } else if (change.touches_ctime && !changes_records && !change.size) {
    TRY(sys::change_owner(target.fd, UINT32_MAX, UINT32_MAX));
  }
  return {};
}

Result<void> Tree::set_records(const NodeRef& node, const Target& target, const SetAttr& change) {
  // While what is known of it is good still.
  const struct statx stat = TRY(sys::stat(target.fd));
  std::optional<mapped::Recorded> known;
  mapped::Recorded wanted;
  if (change.mode) {
    known = TRY(recorded_of(node, target, stat));
    const std::uint32_t now = identity_->maps_types()
                                  ? mapped::effective_mode(stat.stx_mode, known->mode)
                                  : stat.stx_mode;
    wanted.mode = (now & S_IFMT) | (*change.mode & 07777U);
    node->set_may_have_set_id(true);
  } else if (identity_->is_recorded_in_inode()) {
    known = table_.cached(node, to_timespec(stat.stx_ctime));
  }
  if (change.uid) {
    wanted.uid = TRY(host_id(IdKind::uid, *change.uid));
  }
  if (change.gid) {
    wanted.gid = TRY(host_id(IdKind::gid, *change.gid));
  }
  table_.forget_cached(node);
  bool touches_inode = false;
  if (identity_->is_recorded_in_inode() && known) {
    touches_inode = drop_unchanged(wanted, *known);
  }
  if (identity_->maps_types() && !touches_inode) {
    // For ctime, and for a file that may not be changed (chattr +i): a record in another file does
    // not touch the inode, nor does an xattr on ext4 that is set to the value it has.
    TRY(sys::change_owner(target.fd, UINT32_MAX, UINT32_MAX));
  }
  if (wanted.uid || wanted.gid) {
    TRY(identity_->set_owner(target, wanted.uid, wanted.gid));
  }
  if (wanted.mode) {
    TRY(identity_->set_mode(target, *wanted.mode));
  }
  return {};
}

Result<void> Tree::truncate(const NodeRef& node, const Target& target, std::uint64_t size,
                            OpenFile* file) {
  if (S_ISDIR(node->host_type())) {
    return fail(EISDIR);
  }
  if (file != nullptr && file->is_writable()) {
    return file->truncate(size);
  }
  const struct statx stat = TRY(sys::stat(target.fd));
  const Attr attr = TRY(attr_of(node, target, stat));
  if (!S_ISREG(attr.mode)) {
    return fail(EINVAL);  // On the host it may be a regular file, with a symlink's target in it.
  }
  return sys::truncate(sys::FdPath(target.fd), size);
}

Result<void> Tree::drop_set_id(const NodeRef& node) {
  if (!node->may_have_set_id()) {
    return {};
  }
  // Before the look: a mode that is set meanwhile is looked at by the next write.
  node->set_may_have_set_id(false);
  auto dropped = look_and_drop_set_id(node);
  if (!dropped) {
    node->set_may_have_set_id(true);
  }
  return dropped;
}

Result<void> Tree::look_and_drop_set_id(const NodeRef& node) {
  const InPlace held = TRY(in_place(node));
  const struct statx stat = TRY(sys::stat(held.fd.fd()));
  const Attr attr = TRY(attr_of(node, held.target(), stat));
  TRY(drop_capability(held.target()));
  const std::uint32_t mode = without_set_id(attr.mode);
  if (mode == attr.mode) {
    return {};
  }
  table_.forget_cached(node);
  auto dropped = identity_->set_mode(held.target(), mode);
  if (!dropped && dropped.error() == Errno{EPERM} && !identity_->maps_types()) {
    return {};  // Somebody else's file: we are not root, so the host's kernel takes the bits away.
  }
  return dropped;
}

Result<void> Tree::drop_capability(const Target& target) {
  const auto host_name = identity_->host_xattr_name(kCapability);
  if (!identity_->maps_types() || !host_name) {
    return {};  // The host's kernel does it, as the xattr is one to it too.
  }
  auto removed = sys::remove_xattr(target.fd, host_name->c_str());
  if (!removed && (removed.error() == Errno{ENODATA} || removed.error() == Errno{EOPNOTSUPP})) {
    return {};
  }
  return removed;
}

Result<std::string> Tree::read_link(const NodeRef& node) {
  const InPlace held = TRY(in_place(node));
  if (S_ISLNK(node->host_type())) {
    return sys::read_link(held.fd.fd());
  }
  const struct statx stat = TRY(sys::stat(held.fd.fd()));
  const Attr attr = TRY(attr_of(node, held.target(), stat));
  if (!S_ISLNK(attr.mode)) {
    return fail(EINVAL);
  }
  const UniqueFd file = TRY(sys::reopen(held.fd.fd(), O_RDONLY));
  auto text = sys::read_all(file.get(), kMaxTarget);
  if (!text && text.error() == Errno{EFBIG}) {
    return fail(ENAMETOOLONG);
  }
  return text;
}

Result<std::string> Tree::host_xattr_name(std::string_view name) const {
  if (name.empty() || name.find('\0') != std::string_view::npos) {
    return fail(EINVAL);
  }
  if (name.size() > XATTR_NAME_MAX) {
    return fail(ERANGE);
  }
  auto host_name = identity_->host_xattr_name(name);
  if (!host_name) {
    return fail(EOPNOTSUPP);
  }
  return *std::move(host_name);
}

Result<std::vector<std::byte>> Tree::get_xattr(const NodeRef& node, std::string_view name) {
  const auto host_name = host_xattr_name(name);
  if (!host_name) {
    // QEMU: what is kept for itself looks absent.
    const bool is_reserved = identity_->maps_types() && name.starts_with(mapped::kXattrPrefix);
    return is_reserved ? fail(ENODATA) : std::unexpected(host_name.error());
  }
  const FdLease fd = TRY(table_.lease(node));
  std::vector<std::byte> value = TRY(sys::get_xattr(fd.fd(), host_name->c_str()));
  if (has_mapped_ids(name)) {
    return acl_to_guest(options_.id_map, value);
  }
  return value;
}

Result<std::vector<std::byte>> Tree::list_xattrs(const NodeRef& node) {
  const FdLease fd = TRY(table_.lease(node));
  const std::string host_names = TRY(sys::list_xattrs(fd.fd()));
  std::vector<std::byte> names;
  for (std::size_t at = 0; at < host_names.size();) {
    const std::string_view name(host_names.c_str() + at);
    at += name.size() + 1;
    if (const auto shown = identity_->guest_xattr_name(name)) {
      const auto bytes = std::as_bytes(std::span(shown->c_str(), shown->size() + 1));
      names.insert(names.end(), bytes.begin(), bytes.end());
    }
  }
  return names;
}

Result<void> Tree::set_xattr(const NodeRef& node, std::string_view name,
                             std::span<const std::byte> value, int flags) {
  TRY(check_writable());
  if (identity_->maps_types() && name.starts_with(mapped::kXattrPrefix)) {
    return fail(EACCES);
  }
  const std::string host_name = TRY(host_xattr_name(name));
  if (name == kCapability) {
    node->set_may_have_set_id(true);
  }
  std::vector<std::byte> translated;
  if (has_mapped_ids(name)) {
    translated = TRY(acl_to_host(options_.id_map, value));
    value = translated;
  }
  const FdLease fd = TRY(table_.lease(node));
  return sys::set_xattr(fd.fd(), host_name.c_str(), value, flags);
}

Result<void> Tree::remove_xattr(const NodeRef& node, std::string_view name) {
  TRY(check_writable());
  if (identity_->maps_types() && name.starts_with(mapped::kXattrPrefix)) {
    return fail(EACCES);
  }
  const std::string host_name = TRY(host_xattr_name(name));
  const FdLease fd = TRY(table_.lease(node));
  auto removed = sys::remove_xattr(fd.fd(), host_name.c_str());
  if (!removed && removed.error() == Errno{ENODATA} && identity_->maps_types() &&
      name.starts_with("system.posix_acl_")) {
    return {};  // As QEMU: an ACL that is not there is removed already.
  }
  return removed;
}

}  // namespace nineroot::fs
