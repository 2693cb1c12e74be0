// Path lookup by the guest's rules, in user space: component by component and by descriptor, with
// mapped symlinks (regular files) and real host symlinks followed, and everything clamped at the
// tree's root.  The kernel never follows a link on our behalf.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"
#include "storage/inode_record.h"
#include "storage/layout.h"

namespace nineroot::storage {

inline constexpr int kMostSymlinks = 40;  ///< As the kernel's MAXSYMLINKS.
inline constexpr std::size_t kLongestName = 255;
inline constexpr std::size_t kLongestTarget = 4095;

/// Where a guest path leads: an inode, or a name in a directory where nothing is yet.
struct Place {
  UniqueFd parent;   ///< O_PATH; for the root the root itself.
  std::string name;  ///< Empty for the root.
  UniqueFd inode;    ///< O_PATH; closed when there is nothing of that name.
  std::string path;  ///< All symlinks resolved: "/usr/lib".

  [[nodiscard]] bool exists() const { return inode.is_open(); }

  [[nodiscard]] bool is_root() const { return name.empty(); }

  [[nodiscard]] NamedInode named() const { return {parent.get(), name, inode.get()}; }
};

enum class LastSymlink { follow, keep };

/// ENOENT when a directory on the way is missing (the last name may be: see Place), ENOTDIR,
/// ELOOP after kMostSymlinks, ENAMETOOLONG, EINVAL for a NUL byte, and what the host's calls give.
Result<Place> walk(int root, Layout layout, std::string_view path, LastSymlink last);

/// Opens the directory `path` ("/a/b", canonical as in Place::path) without following anything.
Result<UniqueFd> open_canonical(int root, std::string_view path);

/// What a symlink points to; EINVAL if the inode is none for the guest.
Result<std::string> read_target(Layout layout, const NamedInode& at, const struct stat& info);

}  // namespace nineroot::storage
