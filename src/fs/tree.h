// An exported directory tree as POSIX: nodes, names, attributes, files.  Knows neither fid nor qid.
// All access is by descriptor: no path is ever built from what a guest sends.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/failure.h"
#include "fs/attr.h"
#include "fs/fast_paths.h"
#include "fs/fd_budget.h"
#include "fs/host_trouble.h"
#include "fs/id_map.h"
#include "fs/identity.h"
#include "fs/inode_numbers.h"
#include "fs/lock_file.h"
#include "fs/name.h"
#include "fs/node_table.h"
#include "fs/open_file.h"

namespace nineroot::fs {

struct TreeOptions {
  IdentityKind identity = IdentityKind::mapped_xattr;
  bool is_read_only = false;
  IdMap id_map = {};
  Multidevs multidevs = Multidevs::remap;
  /// Paths of directories below the root, "home" or "var/log", that nobody removes or renames by
  /// way of this tree (EBUSY), as if they were mount points.
  std::vector<std::string> data_sets = {};
  /// Descriptors for nodes and open files; see FdBudget.
  std::size_t fd_limit = 512;
  std::size_t fd_slack = 128;
  /// Closes descriptors whose close may take long; by default at once.
  CloseLater close_later = [](UniqueFd) {};
  FastPaths fast_paths = {};
  /// Called when inodes begin to be idle; call Tree::drop_idle() from some time after until it says
  /// that none is left.
  std::function<void()> on_idle = {};
};

/// A node and what was seen of it when it was reached.
struct Found {
  NodeRef node;
  Attr attr;
};

/// Who makes something: becomes its owner.
struct Creator {
  std::optional<std::uint32_t> uid;
  std::uint32_t gid = 0;
};

struct Opened {
  Attr attr;
  std::unique_ptr<OpenFile> file;
};

struct Created {
  Found found;
  std::unique_ptr<OpenFile> file;
};

/// Thread-safe.  Owners are the guest's everywhere: TreeOptions::id_map is applied inside, and one
/// that it forbids is EPERM.  Every call that takes a directory answers ENOTDIR for what is none,
/// EROFS for a change of a read-only tree, ENOENT for a node that cannot be found again, and else
/// what the host's system call gives.
class Tree {
 public:
  /// `root` is an O_PATH or readable descriptor of a directory.
  static Outcome<std::unique_ptr<Tree>> open(UniqueFd root, TreeOptions options);

  [[nodiscard]] NodeRef root() const { return root_; }

  Result<Found> lookup(const NodeRef& dir, const Name& name);

  /// ".."; the root is its own parent.
  Result<Found> parent(const NodeRef& dir);

  Result<Attr> attr(const NodeRef& node);

  /// Owner, then mode, size, times; stops at the first error, with what came before in force.
  /// `file` is an open file of the node or null.
  Result<void> set_attr(const NodeRef& node, const SetAttr& change, OpenFile* file);

  /// Takes set-id bits and file capabilities away, as a write by anybody but root does.  Those that
  /// the host set since the file was last opened here may be missed.
  Result<void> drop_set_id(const NodeRef& node);

  /// `flags` as open(2): access mode, O_TRUNC and O_DSYNC count; O_APPEND for append-only files
  /// alone. Errors: ELOOP for a symlink, ENXIO for other specials, EISDIR for a directory to be
  /// written.
  Result<Opened> open(const NodeRef& node, int flags);

  /// Makes and opens a regular file; opens one that exists unless O_EXCL, and then changes neither
  /// its owner nor its mode.
  Result<Created> create(const NodeRef& dir, const Name& name, int flags, std::uint32_t mode,
                         const Creator& creator);
  Result<Found> make_dir(const NodeRef& dir, const Name& name, std::uint32_t mode,
                         const Creator& creator);
  /// `mode` with type: any but a directory or symlink.  `rdev` in Attr::rdev's encoding.
  Result<Found> make_node(const NodeRef& dir, const Name& name, std::uint32_t mode,
                          std::uint64_t rdev, const Creator& creator);
  Result<Found> make_symlink(const NodeRef& dir, const Name& name, std::string_view target,
                             const Creator& creator);

  Result<void> link(const NodeRef& node, const NodeRef& dir, const Name& name);
  Result<void> rename(const NodeRef& dir, const Name& name, const NodeRef& new_dir,
                      const Name& new_name);
  Result<void> remove(const NodeRef& dir, const Name& name, bool is_directory);

  /// By node, for Trename and Tremove.  The name is `place`'s, or the one last seen where that is
  /// null or another inode's by now; verified.  Errors: ENOENT if the node is not there either;
  /// EBUSY the root.
  Result<void> rename_node(const NodeRef& node, const Place* place, const NodeRef& new_dir,
                           const Name& new_name);
  Result<void> remove_node(const NodeRef& node, const Place* place);

  /// Where a node was last seen; nothing for the root and for a node without a name.
  [[nodiscard]] std::optional<Place> place(const NodeRef& node) { return table_.place(node); }

  Result<std::string> read_link(const NodeRef& node);
  Result<StatFs> stat_fs(const NodeRef& node);

  /// Errors: ENODATA absent; EOPNOTSUPP a name that this identity cannot keep; E2BIG, ENOSPC ...
  Result<std::vector<std::byte>> get_xattr(const NodeRef& node, std::string_view name);
  /// All names that the guest may see, each with its NUL.
  Result<std::vector<std::byte>> list_xattrs(const NodeRef& node);
  /// `flags`: XATTR_CREATE, XATTR_REPLACE.
  Result<void> set_xattr(const NodeRef& node, std::string_view name,
                         std::span<const std::byte> value, int flags);
  Result<void> remove_xattr(const NodeRef& node, std::string_view name);

  /// For locks on the host; its own open file.  Errors: EBADF neither a file nor a directory on the
  /// host; ENFILE; else from open(2).
  Result<std::unique_ptr<LockFile>> open_lock_file(const NodeRef& node);

  /// Everything that was written is on disk when it returns (syncfs(2) of the root's file system).
  Result<void> sync();

  /// Where whoever answers a request notes the error.  EROFS of a read-only tree is no trouble.
  void note_trouble(Errno error) {
    if (!options_.is_read_only || error != Errno{EROFS}) {
      trouble_.note(error);
    }
  }

  /// Forgets inodes that no fid has stood for since `age` ago, so that what the host deletes is not
  /// kept.  False if none is left that could be forgotten later.
  bool drop_idle(std::chrono::steady_clock::duration age) {
    return table_.drop_idle(std::chrono::steady_clock::now() - age);
  }

  /// The process is out of descriptors: closes some that can be opened again.  False if there is
  /// none.
  bool make_room();

  [[nodiscard]] std::size_t node_count() const { return table_.size(); }

  [[nodiscard]] std::size_t fd_count() const { return budget_.size(); }

 private:
  friend class OpenFile;

  struct InPlace;  ///< A node's descriptors while its attributes are read or changed.

  Tree(TreeOptions options, std::uint64_t root_device);

  Result<void> check_writable() const;
  Outcome<void> find_data_sets(int root);
  /// Errors: EBUSY.
  [[nodiscard]] Result<void> check_is_no_data_set(const InodeId& id) const;
  Result<FdLease> lease_dir(const NodeRef& dir);
  Result<InPlace> in_place(const NodeRef& node);
  Result<Attr> attr_of(const NodeRef& node, const Target& target, const struct statx& stat);
  Result<mapped::Recorded> recorded_of(const NodeRef& node, const Target& target,
                                       const struct statx& stat);
  /// set_attr()'s owner and mode.
  Result<void> set_records(const NodeRef& node, const Target& target, const SetAttr& change);
  Result<void> truncate(const NodeRef& node, const Target& target, std::uint64_t size,
                        OpenFile* file);
  Result<void> look_and_drop_set_id(const NodeRef& node);
  Result<void> drop_capability(const Target& target);
  /// Opens the host inode of `fd` as `flags` say; that it may be opened was looked at.
  Result<UniqueFd> open_host_file(int fd, int flags) const;
  /// Whether closing a file that was open for writing should be left to others.
  bool may_close_slowly(const NodeRef& node, int fd);
  void keep_writable(OpenFile& file);
  /// Interns what was just made as `name`, records its owner and mode, and takes it away again if
  /// that fails.
  Result<Found> adopt_new(const NodeRef& dir, int dir_fd, const Name& name, const NewInode& inode);
  /// An empty regular file, or one with `content`, that stands for a special file.
  Result<void> make_stand_in(int dir_fd, const Name& name, std::string_view content);
  /// The held node that is about to lose the name, pinned; nothing if nobody holds the inode.
  Result<std::optional<NodeRef>> pin_victim(int dir_fd, const Name& name, const InodeId& id);
  Result<Name> verified_name(const NodeRef& node, const Place& place);
  Result<Place> verified_place(const NodeRef& node, const Place* wanted);
  /// Remembers one descriptor of each file system in the tree, for sync().
  void note_device(const NodeRef& node, int fd);
  Result<std::string> host_xattr_name(std::string_view name) const;
  /// What to keep of the guest's owner.  Errors: EPERM.
  Result<std::uint32_t> host_id(IdKind kind, std::uint32_t id) const;
  /// Errors: EPERM an owner that the guest may not set.
  Result<NewInode> new_inode(std::uint32_t mode, const Creator& creator,
                             std::optional<std::uint64_t> rdev) const;
  /// Attr::uid and gid.
  void set_owner_of(Attr& attr, const mapped::Recorded& recorded, const struct statx& stat) const;
  [[nodiscard]] bool has_mapped_ids(std::string_view xattr_name) const;

  TreeOptions options_;
  std::unique_ptr<Identity> identity_;
  FdBudget budget_;
  NodeTable table_;
  InodeNumbers numbers_;
  NodeRef root_;
  /// On the root's device no change leaves the ctime that was seen, not even in the next instant.
  bool has_fine_ctimes_ = false;
  std::vector<InodeId> data_sets_;  ///< Few.
  std::uint32_t owner_uid_ = 0;     ///< The root's on the host, for squash-owner.
  std::uint32_t owner_gid_ = 0;
  HostTrouble trouble_;
  std::mutex devices_mutex_;
  std::map<std::uint64_t, UniqueFd> devices_;  ///< Readable, by st_dev; the root's is among them.
};

}  // namespace nineroot::fs
