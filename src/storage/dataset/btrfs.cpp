#include "storage/dataset/btrfs.h"

#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>

#include "storage/remove_tree.h"

namespace nineroot::storage::btrfs {
namespace {

/// The inode number of every subvolume's root (BTRFS_FIRST_FREE_OBJECTID).
constexpr ino_t kRootInode = 256;

template <std::size_t size>
Result<void> take_name(char (&field)[size], const std::string& name) {
  if (name.empty() || name.size() > BTRFS_SUBVOL_NAME_MAX || name.size() >= size) {
    return fail(ENAMETOOLONG);
  }
  if (name == "." || name == ".." || name.find('/') != std::string::npos) {
    return fail(EINVAL);
  }
  std::ranges::copy(name, field);
  return {};
}

Result<void> call(int fd, unsigned long request, void* argument) {
  if (::ioctl(fd, request, argument) < 0) {
    return fail_errno();
  }
  return {};
}

}  // namespace

bool is_subvolume(int directory) {
  struct statfs system{};
  struct stat inode{};
  return ::fstatfs(directory, &system) == 0 && system.f_type == BTRFS_SUPER_MAGIC &&
         ::fstat(directory, &inode) == 0 && inode.st_ino == kRootInode && S_ISDIR(inode.st_mode);
}

Result<void> create(int parent, const std::string& name) {
  btrfs_ioctl_vol_args arguments{};
  TRY(take_name(arguments.name, name));
  return call(parent, BTRFS_IOC_SUBVOL_CREATE, &arguments);
}

Result<void> snapshot(int source, int parent, const std::string& name, Access access) {
  btrfs_ioctl_vol_args_v2 arguments{};
  arguments.fd = source;
  arguments.flags = access == Access::read_only ? BTRFS_SUBVOL_RDONLY : 0;
  TRY(take_name(arguments.name, name));
  return call(parent, BTRFS_IOC_SNAP_CREATE_V2, &arguments);
}

Result<bool> is_read_only(int subvolume) {
  std::uint64_t flags = 0;
  TRY(call(subvolume, BTRFS_IOC_SUBVOL_GETFLAGS, &flags));
  return (flags & BTRFS_SUBVOL_RDONLY) != 0;
}

Result<void> set_read_only(int subvolume, bool is_read_only) {
  std::uint64_t flags = 0;
  TRY(call(subvolume, BTRFS_IOC_SUBVOL_GETFLAGS, &flags));
  const std::uint64_t wanted =
      is_read_only ? flags | BTRFS_SUBVOL_RDONLY : flags & ~std::uint64_t{BTRFS_SUBVOL_RDONLY};
  std::uint64_t argument = wanted;
  return wanted == flags ? Result<void>{} : call(subvolume, BTRFS_IOC_SUBVOL_SETFLAGS, &argument);
}

Result<void> remove_at_once(int parent, const std::string& name) {
  btrfs_ioctl_vol_args arguments{};
  TRY(take_name(arguments.name, name));
  return call(parent, BTRFS_IOC_SNAP_DESTROY, &arguments);
}

Result<void> remove(int parent, const std::string& name) {
  const UniqueFd subvolume(
      ::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!subvolume.is_open()) {
    if (errno == ENOENT) {
      return {};
    }
    return remove_tree(parent, name);  // A file, or a directory that we may not read.
  }
  if (is_subvolume(subvolume.get())) {
    // What is read-only can be removed by no means.
    TRY(set_read_only(subvolume.get(), false));
    if (remove_at_once(parent, name)) {
      return {};
    }
    // File by file, then.  An empty subvolume can be removed by rmdir(2) by whoever owns it.
  }
  return remove_tree(parent, name);
}

Result<Info> info(int subvolume) {
  btrfs_ioctl_get_subvol_info_args arguments{};
  TRY(call(subvolume, BTRFS_IOC_GET_SUBVOL_INFO, &arguments));
  Info result{.id = arguments.treeid, .generation = arguments.generation};
  std::ranges::copy(arguments.uuid, result.uuid.begin());
  std::ranges::copy(arguments.parent_uuid, result.parent_uuid.begin());
  return result;
}

}  // namespace nineroot::storage::btrfs
