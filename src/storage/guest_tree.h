// A guest's tree as host tools must see it: by the guest's own rules, with mapped attributes.
// In a mapped tree a symlink is a regular file that holds its target, and owners and modes live in
// xattrs; a tool that opened such a path with the kernel's own lookup would read the wrong thing,
// or follow a link out of the tree.  Every call here resolves paths in user space, component by
// component by descriptor, and clamps ".." and absolute links at the tree's root.
// Not for trees in use by many threads: one GuestTree belongs to one thread.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/failure.h"
#include "base/unique_fd.h"
#include "storage/layout.h"

namespace nineroot::storage {

/// What the guest sees of one inode.
struct GuestStat {
  std::uint32_t mode = 0;  ///< With type bits.
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint64_t rdev = 0;
  std::uint64_t size = 0;
  timespec mtime{};

  [[nodiscard]] bool is_directory() const { return S_ISDIR(mode); }

  [[nodiscard]] bool is_regular() const { return S_ISREG(mode); }

  [[nodiscard]] bool is_symlink() const { return S_ISLNK(mode); }
};

/// Owner and permission bits of what is to be made.
struct Ownership {
  std::uint32_t mode = 0644;  ///< Permission bits with set-id and sticky.
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};

class GuestTree {
 public:
  /// Opens the tree at host path `root`.  Without `layout` it is found out: mapped_xattr if the
  /// root or one of its entries carries user.virtfs.mode, mapped_file if there is metadata, else
  /// plain.
  static Outcome<GuestTree> open(const std::filesystem::path& root,
                                 std::optional<Layout> layout = std::nullopt);

  [[nodiscard]] Layout layout() const { return layout_; }

  /// The root's descriptor; O_PATH, borrowed.
  [[nodiscard]] int root() const { return root_.get(); }

  /// Errors of all calls that take a path: ENOENT, ENOTDIR, ELOOP after 40 symlinks,
  /// ENAMETOOLONG, and what the host's calls give.  Paths are the guest's, absolute or relative
  /// to its root.  A trailing symlink is followed, except where a name says no_follow.
  Result<GuestStat> stat(std::string_view path) const;
  Result<GuestStat> stat_no_follow(std::string_view path) const;

  [[nodiscard]] bool exists(std::string_view path) const { return stat(path).has_value(); }

  /// EFBIG over `limit` bytes; EISDIR, EINVAL for what is not a regular file.
  Result<std::string> read_file(std::string_view path, std::size_t limit = 1U << 30U) const;
  Result<UniqueFd> open_file(std::string_view path) const;
  Result<std::string> read_link(std::string_view path) const;

  /// Names without . and .. and without metadata, sorted.
  Result<std::vector<std::string>> list(std::string_view path) const;

  /// The guest path with all symlinks resolved, "/usr/lib/modules/6.1".
  Result<std::string> canonical(std::string_view path) const;

  /// Makes or replaces a regular file, through a temporary name and rename.  The parent must
  /// exist.  An existing file's owner and mode are kept unless `ownership` is given; new ones are
  /// root's, 0644.
  Result<void> write_file(std::string_view path, std::string_view content,
                          std::optional<Ownership> ownership = std::nullopt) const;

  /// Makes a directory and its missing parents, root's, 0755 or as given; fine if it exists.
  Result<void> make_directories(std::string_view path, Ownership ownership = {.mode = 0755}) const;

  /// Makes or replaces a symlink (not a directory).
  Result<void> write_symlink(std::string_view path, std::string_view target) const;

  /// Removes a file or symlink; fine if it is not there.
  Result<void> remove_file(std::string_view path) const;

 private:
  GuestTree(UniqueFd root, Layout layout) : root_(std::move(root)), layout_(layout) {}

  UniqueFd root_;
  Layout layout_;
};

}  // namespace nineroot::storage
