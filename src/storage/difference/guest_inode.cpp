#include "storage/difference/guest_inode.h"

#include <fcntl.h>
#include <sys/sysmacros.h>

#include "storage/descriptor.h"
#include "storage/tree_walk.h"

namespace nineroot::storage {
namespace {

timespec from_statx(const statx_timestamp& time) {
  return {.tv_sec = time.tv_sec, .tv_nsec = static_cast<long>(time.tv_nsec)};
}

Result<struct statx> statx_of(int directory, const char* name) {
  struct statx info{};
  const int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | (*name == '\0' ? AT_EMPTY_PATH : 0);
  if (::statx(directory, name, flags, STATX_BASIC_STATS | STATX_BTIME, &info) != 0) {
    return fail_errno();
  }
  return info;
}

HostInode host_of(const struct statx& info) {
  HostInode host{.mode = info.stx_mode,
                 .device = ::makedev(info.stx_dev_major, info.stx_dev_minor),
                 .number = info.stx_ino,
                 .ctime = from_statx(info.stx_ctime),
                 .birth = {}};
  if ((info.stx_mask & STATX_BTIME) != 0) {
    host.birth = from_statx(info.stx_btime);
  }
  return host;
}

}  // namespace

std::string_view name_of(Field field) {
  switch (field) {
    case Field::content:
      return "content";
    case Field::size:
      return "size";
    case Field::target:
      return "target";
    case Field::mode:
      return "mode";
    case Field::owner:
      return "owner";
    case Field::group:
      return "group";
    case Field::device:
      return "device";
    case Field::mtime:
      return "mtime";
    case Field::xattrs:
      return "xattrs";
    case Field::links:
      break;
  }
  return "links";
}

Result<HostInode> read_host_inode(int directory, const std::string& name) {
  const struct statx info = TRY(statx_of(directory, name.c_str()));
  return host_of(info);
}

Result<GuestInode> read_guest_inode(Layout layout, const NamedInode& at) {
  const struct statx info = TRY(statx_of(at.inode, ""));
  struct stat seen{};
  seen.st_mode = info.stx_mode;
  seen.st_uid = info.stx_uid;
  seen.st_gid = info.stx_gid;
  seen.st_rdev = ::makedev(info.stx_rdev_major, info.stx_rdev_minor);
  const struct stat on_host = seen;
  const mapped::Recorded record = TRY(read_record(layout, at));
  apply_record(seen, record);
  GuestInode inode{.mode = seen.st_mode,
                   .uid = seen.st_uid,
                   .gid = seen.st_gid,
                   .links = info.stx_nlink,
                   .mtime = from_statx(info.stx_mtime),
                   .target = {},
                   .xattrs = {},
                   .host = host_of(info)};
  if (S_ISREG(inode.mode)) {
    inode.size = info.stx_size;
  }
  if (S_ISCHR(inode.mode) || S_ISBLK(inode.mode)) {
    inode.rdev = seen.st_rdev;
  }
  if (S_ISLNK(inode.mode)) {
    inode.target = TRY(read_target(layout, at, on_host));
  } else {
    inode.xattrs = TRY(read_guest_xattrs(layout, at.inode));
  }
  return inode;
}

std::vector<Field> differing_fields(const GuestInode& a, const GuestInode& b) {
  std::vector<Field> fields;
  const auto note = [&fields](bool differs, Field field) {
    if (differs) {
      fields.push_back(field);
    }
  };
  note(a.size != b.size, Field::size);
  note(a.target != b.target, Field::target);
  note(a.mode != b.mode, Field::mode);
  note(a.uid != b.uid, Field::owner);
  note(a.gid != b.gid, Field::group);
  note(a.rdev != b.rdev, Field::device);
  note(!is_equal(a.mtime, b.mtime), Field::mtime);
  note(a.xattrs != b.xattrs, Field::xattrs);
  note(!S_ISDIR(a.mode) && a.links != b.links, Field::links);
  return fields;
}

}  // namespace nineroot::storage
