// Identity models: how a tree on the host keeps what the guest sees as owner, mode, device number,
// file type and xattrs.  The rest of fs asks here and does not know which model it is.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/mapped_format.h"
#include "base/result.h"
#include "fs/node.h"

namespace nineroot::fs {

/// The names are those of `serve --identity`; the formats of the first two are QEMU's.
enum class IdentityKind {
  mapped_xattr,  ///< In user.virtfs.* xattrs; specials are regular files.
  mapped_file,   ///< In .virtfs_metadata files; specials are regular files.
  passthrough,   ///< The host inode is the guest's: needs root for owners and devices.
  none,          ///< As passthrough, but a refused change of owner is ignored.
};

/// An inode as an identity reaches it.
struct Target {
  int fd = -1;  ///< O_PATH.
  const InodeId* id = nullptr;
  int dir_fd = -1;  ///< Its directory; -1 if it has no name, or is the root.
  const char* name = nullptr;
  bool is_root = false;
};

/// What a new inode shall be for the guest.
struct NewInode {
  std::uint32_t mode = 0;            ///< With type bits.
  std::optional<std::uint32_t> uid;  ///< Absent when the client did not say who it is.
  std::uint32_t gid = 0;
  std::optional<std::uint64_t> rdev;  ///< What mknod asked for; host dev_t encoding.
};

/// Thread-safe.
class Identity {
 public:
  virtual ~Identity() = default;

  /// True if symlinks, devices, fifos and sockets are regular files on the host.
  [[nodiscard]] virtual bool maps_types() const = 0;

  /// True if recorded() may be cached by ctime (the records live in the inode).
  [[nodiscard]] virtual bool is_recorded_in_inode() const { return false; }

  /// True if the identity needs Target::dir_fd and name.
  [[nodiscard]] virtual bool needs_place() const { return false; }

  /// Names that the guest neither sees nor may use.
  [[nodiscard]] virtual bool is_hidden(std::string_view /*name*/) const { return false; }

  /// How many of a directory's links the guest does not see: those of hidden subdirectories.
  [[nodiscard]] virtual std::uint64_t hidden_links(int /*dir_fd*/) const { return 0; }

  /// What the tree records of an inode; the device number of devices only.
  virtual Result<mapped::Recorded> recorded(const Target& target) = 0;

  /// The guest's file type (S_IFMT) of a directory entry that the host says is a regular file; 0 if
  /// that cannot be found out now.
  virtual std::uint32_t type_of_regular(int dir_fd, const char* name) = 0;

  /// Records owner and mode of an inode just made.
  virtual Result<void> record_new(const Target& target, const NewInode& inode) = 0;

  /// `mode` has type bits.
  virtual Result<void> set_mode(const Target& target, std::uint32_t mode) = 0;
  virtual Result<void> set_owner(const Target& target, std::optional<std::uint32_t> uid,
                                 std::optional<std::uint32_t> gid) = 0;

  /// How an xattr is named on the host; nothing if the guest cannot have it.
  [[nodiscard]] virtual std::optional<std::string> host_xattr_name(std::string_view name) const = 0;
  [[nodiscard]] virtual std::optional<std::string> guest_xattr_name(
      std::string_view name) const = 0;

  /// Around changes of names, for records that are kept by name.  `held` is the id of an inode
  /// that somebody holds and that loses this name.
  virtual Result<void> before_remove(int /*dir_fd*/, const char* /*name*/, bool /*is_directory*/,
                                     const InodeId* /*held*/) {
    return {};
  }

  /// The removal failed after all.
  virtual void undo_remove(int /*dir_fd*/, const char* /*name*/, const InodeId* /*held*/) {}

  /// The removal, or the rename over that name, has happened; for a rename before after_rename().
  virtual void after_remove(int /*dir_fd*/) {}

  virtual Result<void> after_link(const Target& /*target*/, int /*dir_fd*/, const char* /*name*/) {
    return {};
  }

  virtual void after_rename(int /*dir_fd*/, const char* /*name*/, int /*new_dir_fd*/,
                            const char* /*new_name*/) {}

  /// An inode is held by nobody any more.
  virtual void forget(const InodeId& /*id*/) {}
};

[[nodiscard]] std::unique_ptr<Identity> make_identity(IdentityKind kind);
[[nodiscard]] std::unique_ptr<Identity> make_mapped_xattr_identity();
[[nodiscard]] std::unique_ptr<Identity> make_mapped_file_identity();
/// passthrough, or none if `ignores_owner_errors`.
[[nodiscard]] std::unique_ptr<Identity> make_native_identity(bool ignores_owner_errors);

}  // namespace nineroot::fs
