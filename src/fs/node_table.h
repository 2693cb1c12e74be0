// The inodes that are held, each once: (device, inode, birth time) to Node.
// docs/adr/0005-a-fid-is-an-inode.md tells why, and what is verified when.
#pragma once

#include <sys/stat.h>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>

#include <tsl/robin_set.h>

#include "base/result.h"
#include "fs/fd_budget.h"
#include "fs/idle_nodes.h"
#include "fs/local_file_systems.h"
#include "fs/name.h"
#include "fs/node.h"

namespace nineroot::fs {

/// Closes descriptors whose last close may take long (an unlinked large file).
using CloseLater = std::function<void(UniqueFd)>;

[[nodiscard]] InodeId id_of(const struct statx& stat);

/// Where a node was last seen.
struct Place {
  NodeRef parent;
  std::string name;
};

/// Thread-safe.  No call holds its mutex over a system call.
class NodeTable {
 public:
  NodeTable(FdBudget& budget, CloseLater close_later);
  ~NodeTable();
  NodeTable(const NodeTable&) = delete;
  NodeTable& operator=(const NodeTable&) = delete;

  // Set these before use.

  /// Called when a node goes.
  std::function<void(const InodeId&)> on_forget;
  /// Called when nodes begin to be idle, for somebody to call drop_idle() in a while; not again
  /// before that has left none.
  std::function<void()> on_idle;
  /// How many nodes to keep that nobody refers to.
  std::size_t max_idle = 0;
  /// Whether what has lost its name and is small is closed at once.
  bool closes_at_once = false;
  /// Whether inodes of local file systems may be held by descriptors that can be read.
  bool holds_readable = false;

  /// Makes the root, pinned.  Once, before all else.
  Result<NodeRef> make_root(UniqueFd fd, const struct statx& stat);

  /// The node of the inode that `fd` (O_PATH) was just opened to as `name` in `parent`; a node that
  /// exists already learns this place and keeps its own descriptor.  Errors: ENFILE.
  Result<NodeRef> intern(UniqueFd fd, const struct statx& stat, const NodeRef& parent,
                         std::string_view name);

  /// The node of that inode if it is known.
  std::optional<NodeRef> find(const InodeId& id);

  /// The node of that inode if somebody holds it; an idle one is forgotten, with its descriptor.
  std::optional<NodeRef> find_held(const InodeId& id);

  /// As find(), for one that was just seen as `name` in `parent`; learns this place.
  std::optional<NodeRef> find_at(const InodeId& id, const NodeRef& parent, std::string_view name);

  /// Opens the entry to hold its inode, which was just seen on `device` with type `type` (S_IFMT
  /// bits).
  Result<UniqueFd> open_inode(int dir_fd, const char* name, std::uint64_t device,
                              std::uint32_t type);

  /// Whether the device is known to hold a local file system (local_file_systems.h).
  [[nodiscard]] bool is_local(std::uint64_t device) const { return local_.contains(device); }

  /// Forgets nodes that nobody has referred to since `before`; false if none is left idle.
  bool drop_idle(IdleNodes::Clock::time_point before);

  /// An O_PATH descriptor of the node, opened again and verified if need be.
  /// Errors: ENOENT if it is no longer where it was last seen; ENFILE; else from openat2(2).
  Result<FdLease> lease(const NodeRef& node);

  [[nodiscard]] std::optional<Place> place(const NodeRef& node);

  /// The parent as last seen; the node itself for the root and for a nameless node.
  [[nodiscard]] NodeRef parent(const NodeRef& node);

  /// Pins the node's descriptor, because its name `name` in `dir_fd` is about to go.  With
  /// names_mutex held.  Errors: ENOENT if the name is another inode's by now; as intern().
  Result<void> pin(const NodeRef& node, int dir_fd, const char* name);

  /// The name `name` in `parent` was removed, or not if `!was_removed`: a node that was known by it
  /// becomes nameless and stays pinned, any other is unpinned.
  void after_unlink(const NodeRef& node, const NodeRef& parent, std::string_view name,
                    bool was_removed);

  /// The node is now `name` in `parent`.
  void set_place(const NodeRef& node, const NodeRef& parent, std::string_view name);

  [[nodiscard]] std::optional<mapped::Recorded> cached(const NodeRef& node, const timespec& ctime);
  void cache(const NodeRef& node, const timespec& ctime, const mapped::Recorded& recorded);
  void forget_cached(const NodeRef& node);

  /// Held shared while a node is opened again by name, and alone while names change.  Nobody who
  /// holds it calls lease().
  std::shared_mutex names_mutex;

  [[nodiscard]] std::size_t size() const;

 private:
  friend class NodeRef;

  /// By id, of what is in the table and of what is looked for.
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(const InodeId& id) const;
    std::size_t operator()(const std::unique_ptr<Node>& node) const { return (*this)(node->id()); }
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(const std::unique_ptr<Node>& a, const std::unique_ptr<Node>& b) const {
      return a->id() == b->id();
    }
    bool operator()(const std::unique_ptr<Node>& node, const InodeId& id) const {
      return node->id() == id;
    }
  };
  /// With the hashes beside the pointers: neither a search nor a growth looks into many nodes.
  using Nodes = tsl::robin_set<std::unique_ptr<Node>, Hash, Equal,
                               std::allocator<std::unique_ptr<Node>>, true>;

  static Nodes no_nodes();

  void release(Node& node);
  /// The next of those that a node's end releases: its parent, or null.
  Node* release_one(Node& node);
  /// What is left of a node that was taken out of the table.
  struct Remains {
    UniqueFd fd;
    InodeId id;
    Node* parent = nullptr;
  };
  Remains take_out_locked(Node& node);
  void finish(Remains remains);
  /// finish(), and its reference to its parent is released.
  void end(Remains remains);
  NodeRef refer_locked(Node& node);
  /// Null if the inode is not known.
  [[nodiscard]] Node* find_locked(const InodeId& id) const;
  Node& add_locked(const InodeId& id, std::uint32_t mode);
  Result<FdLease> reopen(const NodeRef& node);
  /// With the mutex held.  Returns the parent whose reference is to be dropped after unlocking.
  Node* place_locked(Node& node, Node& parent, std::string_view name);
  /// place_locked() where no ring of parents can come to be.
  Node* put_locked(Node& node, Node& parent, std::string_view name);
  [[nodiscard]] static bool is_below(const Node& node, const Node& ancestor);

  FdBudget& budget_;
  CloseLater close_later_;
  mutable std::mutex mutex_;
  Nodes nodes_ = no_nodes();
  IdleNodes idle_;
  bool is_drop_awaited_ = false;  ///< on_idle() was called.
  LocalFileSystems local_;
};

}  // namespace nineroot::fs
