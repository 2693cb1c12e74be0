#include "storage/file_system.h"

#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>

#include <algorithm>
#include <array>
#include <bit>

#include <fmt/format.h>

#include "storage/descriptor.h"

namespace nineroot::storage {
namespace {

constexpr std::int64_t kBcachefsMagic = 0xca451a4e;  ///< Not in <linux/magic.h>.
constexpr std::int64_t kZfsMagic = 0x2fc12fc1;       ///< OpenZFS's zfs_fs_kmod.h.

/// 0 when it cannot be told.
std::int64_t magic_of(int fd) {
  struct statfs info{};
  return ::fstatfs(fd, &info) == 0 ? static_cast<std::int64_t>(info.f_type) : 0;
}

}  // namespace

bool is_kernel_file_system(int fd) {
  constexpr std::array<std::int64_t, 8> kMagics = {
      PROC_SUPER_MAGIC,    SYSFS_MAGIC,      DEVPTS_SUPER_MAGIC, CGROUP_SUPER_MAGIC,
      CGROUP2_SUPER_MAGIC, SECURITYFS_MAGIC, DEBUGFS_MAGIC,      TRACEFS_MAGIC};
  return std::ranges::find(kMagics, magic_of(fd)) != kMagics.end();
}

std::string file_system_type(int fd) {
  const std::int64_t magic = magic_of(fd);
  switch (magic) {
    case BTRFS_SUPER_MAGIC:
      return "btrfs";
    case XFS_SUPER_MAGIC:
      return "xfs";
    case EXT4_SUPER_MAGIC:
      return "ext4";
    case TMPFS_MAGIC:
      return "tmpfs";
    case NFS_SUPER_MAGIC:
      return "nfs";
    case OVERLAYFS_SUPER_MAGIC:
      return "overlayfs";
    case CEPH_SUPER_MAGIC:
      return "ceph";
    case F2FS_SUPER_MAGIC:
      return "f2fs";
    case FUSE_SUPER_MAGIC:
      return "fuse";
    case RAMFS_MAGIC:
      return "ramfs";
    case kBcachefsMagic:
      return "bcachefs";
    case kZfsMagic:
      return "zfs";
    default:
      return fmt::format("type {:#x}", magic);
  }
}

bool tells_shared_extents(int fd) {
  const std::int64_t magic = magic_of(fd);
  return magic == BTRFS_SUPER_MAGIC || magic == XFS_SUPER_MAGIC || magic == kBcachefsMagic;
}

Result<std::string> sharing_domain(int fd) {
  if (magic_of(fd) == BTRFS_SUPER_MAGIC) {
    const UniqueFd opened = TRY(reopen(fd, O_RDONLY | O_NONBLOCK));
    btrfs_ioctl_fs_info_args info{};
    if (::ioctl(opened.get(), BTRFS_IOC_FS_INFO, &info) != 0) {
      return fail_errno();
    }
    std::string id = "btrfs";
    for (const auto byte : info.fsid) {
      id += fmt::format(":{:02x}", byte);
    }
    return id;
  }
  const struct stat info = TRY(stat_of(fd));
  return fmt::format("device {}", info.st_dev);
}

Result<std::uint64_t> numbering_domain(int fd) {
  struct statfs info{};
  if (::fstatfs(fd, &info) != 0) {
    return fail_errno();
  }
  static_assert(sizeof(info.f_fsid) == sizeof(std::uint64_t));
  return std::bit_cast<std::uint64_t>(info.f_fsid);
}

}  // namespace nineroot::storage
