// All that a guest can tell of one inode, and what two of them have in common.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "storage/guest_xattrs.h"
#include "storage/inode_record.h"
#include "storage/layout.h"

namespace nineroot::storage {

/// What the host knows of an inode, with its birth.
struct HostInode {
  std::uint32_t mode = 0;
  dev_t device = 0;
  std::uint64_t number = 0;
  timespec ctime{};
  std::optional<timespec> birth;  ///< Where the file system keeps it.

  /// The very inode: two names of one file, or one directory seen twice.
  [[nodiscard]] bool is_same(const HostInode& other) const {
    return device == other.device && number == other.number;
  }
};

/// As the guest sees it, and the host's inode behind it.  Size, link count and the times of a
/// directory's change are the host's in every layout.
struct GuestInode {
  std::uint32_t mode = 0;  ///< With type bits.
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint64_t rdev = 0;  ///< Of devices.
  std::uint64_t size = 0;  ///< Of regular files.
  std::uint64_t links = 0;
  timespec mtime{};
  std::string target;  ///< Of symlinks.
  GuestXattrs xattrs;  ///< ACLs and capabilities among them; none of symlinks.
  HostInode host;

  [[nodiscard]] std::uint32_t type() const { return mode & S_IFMT; }
};

/// In what two inodes of one type can differ.
enum class Field { content, size, target, mode, owner, group, device, mtime, xattrs, links };

[[nodiscard]] std::string_view name_of(Field field);

/// statx(2) of `name` in `directory`, or of `directory` itself if `name` is empty; never follows.
Result<HostInode> read_host_inode(int directory, const std::string& name);

Result<GuestInode> read_guest_inode(Layout layout, const NamedInode& at);

/// Everything but the content of regular files, of which only the size is compared.  Nothing that
/// only the host knows counts, nor do size and link count of directories, which are up to the file
/// system.
[[nodiscard]] std::vector<Field> differing_fields(const GuestInode& a, const GuestInode& b);

[[nodiscard]] inline bool is_equal(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

}  // namespace nineroot::storage
