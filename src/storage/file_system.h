// What kind of file system lies under a descriptor, and which one it is.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace nineroot::storage {

/// True for those whose content is made up by the running kernel (proc, sysfs ...).
[[nodiscard]] bool is_kernel_file_system(int fd);

/// "btrfs", "xfs", "ext4", "tmpfs" ..., for people; the magic number in digits where we have no
/// name.
[[nodiscard]] std::string file_system_type(int fd);

/// True where FIEMAP tells which extents several files share (FIEMAP_EXTENT_SHARED): btrfs, XFS
/// and bcachefs.
[[nodiscard]] bool tells_shared_extents(int fd);

/// The same for all inodes between which data can be shared, and for no others that are mounted
/// now: a btrfs is one although each of its subvolumes has a st_dev of its own.
Result<std::string> sharing_domain(int fd);

/// Within it an inode number means one inode: statfs(2)'s f_fsid, which on btrfs differs by
/// subvolume.  Stays the same over a reboot, except on XFS, where it is the device's number.
Result<std::uint64_t> numbering_domain(int fd);

}  // namespace nineroot::storage
