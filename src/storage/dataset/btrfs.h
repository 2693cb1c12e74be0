// Subvolumes of btrfs by its own ioctls, as an ordinary user who owns them may call them
// (linux/btrfs.h; fs/btrfs/ioctl.c).  Descriptors are of directories, opened for reading: not
// O_PATH, which takes no ioctl.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace nineroot::storage::btrfs {

/// Whether `directory` is the root of a subvolume.  Any descriptor.
[[nodiscard]] bool is_subvolume(int directory);

/// An empty one.  Errors: EEXIST; EACCES where mkdir(2) would give it; ENOTTY not btrfs.
Result<void> create(int parent, const std::string& name);

enum class Access : std::uint8_t { read_only, read_write };

/// A snapshot of the subvolume `source` as `name`: one commit of the file system, whatever its
/// size.  Nested subvolumes are not part of it: in their place is an empty directory with inode
/// number 2, in which nothing can be made and on which no xattr can be set.
/// Errors: EPERM the caller does not own `source`; EXDEV another file system; EEXIST; EINVAL
/// `source` is no subvolume.
Result<void> snapshot(int source, int parent, const std::string& name, Access access);

Result<bool> is_read_only(int subvolume);
Result<void> set_read_only(int subvolume, bool is_read_only);

/// Removes the subvolume by one ioctl.  Errors: EPERM the file system is not mounted with
/// user_subvol_rm_allowed (and we are not root); ENOTEMPTY there is another subvolume in it; EROFS
/// it is read-only; ENOENT.
Result<void> remove_at_once(int parent, const std::string& name);

/// Removes the subvolume, read-only or not, with all that is in it, nested ones too: at once if
/// that is possible, file by file if not.  Fine if it is not there, and for what is no subvolume.
Result<void> remove(int parent, const std::string& name);

struct Info {
  std::uint64_t id = 0;  ///< Never used again on this file system.
  std::array<std::uint8_t, 16> uuid{};
  std::array<std::uint8_t, 16> parent_uuid{};  ///< Of what it is a snapshot of; zeros if of none.
  std::uint64_t generation = 0;
};

Result<Info> info(int subvolume);

}  // namespace nineroot::storage::btrfs
