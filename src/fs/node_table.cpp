#include "fs/node_table.h"

#include <fcntl.h>

#include <vector>

#include "fs/sys.h"

namespace nineroot::fs {

InodeId id_of(const struct statx& stat) {
  InodeId id{.device = (std::uint64_t{stat.stx_dev_major} << 32U) | stat.stx_dev_minor,
             .inode = stat.stx_ino,
             .birth = 0};
  if ((stat.stx_mask & STATX_BTIME) != 0) {
    id.birth = stat.stx_btime.tv_sec * 1'000'000'000 + stat.stx_btime.tv_nsec;
  }
  return id;
}

NodeRef::NodeRef(const NodeRef& other) : node_(other.node_) {
  if (node_ != nullptr) {
    node_->references_.fetch_add(1, std::memory_order_relaxed);
  }
}

NodeRef::~NodeRef() {
  if (node_ != nullptr) {
    node_->table_.release(*node_);
  }
}

NodeTable::NodeTable(FdBudget& budget, CloseLater close_later)
    : budget_(budget), close_later_(std::move(close_later)) {
}

NodeTable::~NodeTable() {
  drop_idle(IdleNodes::Clock::time_point::max());
}

std::size_t NodeTable::Hash::operator()(const InodeId& id) const {
  const std::uint64_t mixed =
      (id.inode ^ (id.device << 40U) ^ (id.device >> 24U)) * 0x9e3779b97f4a7c15U;
  return mixed ^ (mixed >> 32U) ^ static_cast<std::uint64_t>(id.birth);
}

Result<NodeRef> NodeTable::make_root(UniqueFd fd, const struct statx& stat) {
  const NodeRef root = [&] {
    const std::lock_guard lock(mutex_);
    return refer_locked(add_locked(id_of(stat), stat.stx_mode));
  }();
  const auto lease = TRY(budget_.adopt(root->slot_, std::move(fd)));
  TRY(budget_.pin(root->slot_));
  return root;
}

Result<NodeRef> NodeTable::intern(UniqueFd fd, const struct statx& stat, const NodeRef& parent,
                                  std::string_view name) {
  Node* dropped_parent = nullptr;
  const NodeRef node = [&] {
    const std::lock_guard lock(mutex_);
    const InodeId id = id_of(stat);
    if (Node* const known = find_locked(id)) {
      NodeRef held = refer_locked(*known);
      dropped_parent = place_locked(*known, *parent, name);
      return held;
    }
    // Nobody's ancestor yet: a walk down looks at no directory above.
    Node& added = add_locked(id, stat.stx_mode);
    put_locked(added, *parent, name);
    return refer_locked(added);
  }();
  if (dropped_parent != nullptr) {
    release(*dropped_parent);
  }
  const auto lease = TRY(budget_.adopt(node->slot_, std::move(fd)));
  return node;
}

std::optional<NodeRef> NodeTable::find(const InodeId& id) {
  const std::lock_guard lock(mutex_);
  Node* const found = find_locked(id);
  if (found == nullptr) {
    return std::nullopt;
  }
  return refer_locked(*found);
}

std::optional<NodeRef> NodeTable::find_held(const InodeId& id) {
  Remains remains;
  {
    const std::lock_guard lock(mutex_);
    Node* const found = find_locked(id);
    if (found == nullptr) {
      return std::nullopt;
    }
    if (found->references_.load(std::memory_order_relaxed) > 0) {
      return refer_locked(*found);
    }
    idle_.remove(*found);
    remains = take_out_locked(*found);
  }
  end(std::move(remains));
  return std::nullopt;
}

std::optional<NodeRef> NodeTable::find_at(const InodeId& id, const NodeRef& parent,
                                          std::string_view name) {
  Node* dropped_parent = nullptr;
  std::optional<NodeRef> node;
  {
    const std::lock_guard lock(mutex_);
    Node* const found = find_locked(id);
    if (found == nullptr) {
      return std::nullopt;
    }
    node = refer_locked(*found);
    dropped_parent = place_locked(*found, *parent, name);
  }
  if (dropped_parent != nullptr) {
    release(*dropped_parent);
  }
  return node;
}

Result<UniqueFd> NodeTable::open_inode(int dir_fd, const char* name, std::uint64_t device,
                                       std::uint32_t type) {
  UniqueFd fd = TRY(sys::open_inode(dir_fd, name, type, holds_readable && local_.contains(device)));
  local_.learn(device, fd.get());
  return fd;
}

Result<FdLease> NodeTable::lease(const NodeRef& node) {
  if (auto lease = budget_.lease(node->slot_)) {
    return std::move(*lease);
  }
  const std::shared_lock names(names_mutex);
  return reopen(node);
}

Result<FdLease> NodeTable::reopen(const NodeRef& node) {
  // Up to the nearest ancestor that has a descriptor (the root always has), then down again.
  std::vector<Place> steps;
  std::vector<NodeRef> nodes{node};
  std::optional<FdLease> at;
  while (true) {
    std::optional<Place> where = place(nodes.back());
    if (!where) {
      return fail(ENOENT);
    }
    steps.push_back(std::move(*where));
    at = budget_.lease(steps.back().parent->slot_);
    if (at) {
      break;
    }
    nodes.push_back(steps.back().parent);
  }
  while (!nodes.empty()) {
    // A directory on the way is not opened for reading: Landlock then looks at each directory above
    // it, so that to find one again below a thousand others took 60 ms instead of 4.
    const bool is_on_the_way = nodes.size() > 1;
    UniqueFd fd =
        TRY(is_on_the_way ? sys::open_inode(at->fd(), steps.back().name.c_str(),
                                            nodes.back()->host_type(), false)
                          : open_inode(at->fd(), steps.back().name.c_str(),
                                       nodes.back()->id().device, nodes.back()->host_type()));
    const struct statx stat = TRY(sys::stat(fd.get()));
    if (id_of(stat) != nodes.back()->id()) {
      return fail(ENOENT);
    }
    at = TRY(budget_.adopt(nodes.back()->slot_, std::move(fd)));
    nodes.pop_back();
    steps.pop_back();
  }
  return std::move(*at);
}

std::optional<Place> NodeTable::place(const NodeRef& node) {
  const std::lock_guard lock(mutex_);
  if (node->parent_ == nullptr) {
    return std::nullopt;
  }
  node->parent_->references_.fetch_add(1, std::memory_order_relaxed);
  return Place{.parent = NodeRef(*node->parent_), .name = node->name_};
}

NodeRef NodeTable::parent(const NodeRef& node) {
  std::optional<Place> where = place(node);
  if (where) {
    return std::move(where->parent);
  }
  return node;
}

Result<void> NodeTable::pin(const NodeRef& node, int dir_fd, const char* name) {
  auto lease = budget_.lease(node->slot_);
  if (!lease) {
    UniqueFd fd = TRY(open_inode(dir_fd, name, node->id().device, node->host_type()));
    const struct statx stat = TRY(sys::stat(fd.get()));
    if (id_of(stat) != node->id()) {
      return fail(ENOENT);
    }
    lease = TRY(budget_.adopt(node->slot_, std::move(fd)));
  }
  return budget_.pin(node->slot_);
}

void NodeTable::after_unlink(const NodeRef& node, const NodeRef& parent, std::string_view name,
                             bool was_removed) {
  Node* dropped_parent = nullptr;
  {
    const std::lock_guard lock(mutex_);
    const bool is_known_by_it = node->parent_ == parent.get() && node->name_ == name;
    if (was_removed && is_known_by_it) {
      dropped_parent = std::exchange(node->parent_, nullptr);
      node->name_.clear();
    }
    if (node->parent_ != nullptr) {
      budget_.unpin(node->slot_);
    }
  }
  if (dropped_parent != nullptr) {
    release(*dropped_parent);
  }
}

void NodeTable::set_place(const NodeRef& node, const NodeRef& parent, std::string_view name) {
  Node* dropped_parent = nullptr;
  {
    const std::lock_guard lock(mutex_);
    dropped_parent = place_locked(*node, *parent, name);
  }
  if (dropped_parent != nullptr) {
    release(*dropped_parent);
  }
}

bool NodeTable::is_below(const Node& node, const Node& ancestor) {
  for (const Node* at = &node; at != nullptr; at = at->parent_) {
    if (at == &ancestor) {
      return true;
    }
  }
  return false;
}

Node* NodeTable::place_locked(Node& node, Node& parent, std::string_view name) {
  if (node.parent_ == &parent && node.name_ == name) {
    return nullptr;
  }
  if (S_ISDIR(node.host_type_) && is_below(parent, node)) {
    // The host moved directories about behind our back, or bound one into itself: what is known of
    // the ancestors is old.  A ring of parents must not come to be, so the old place stays; it is
    // verified whenever it is used.
    return nullptr;
  }
  return put_locked(node, parent, name);
}

Node* NodeTable::put_locked(Node& node, Node& parent, std::string_view name) {
  Node* const old_parent = std::exchange(node.parent_, &parent);
  parent.references_.fetch_add(1, std::memory_order_relaxed);
  node.name_ = name;
  if (old_parent == nullptr) {
    budget_.unpin(node.slot_);
  }
  return old_parent;
}

std::optional<mapped::Recorded> NodeTable::cached(const NodeRef& node, const timespec& ctime) {
  const std::lock_guard lock(mutex_);
  if (node->cached_at_.tv_sec != ctime.tv_sec || node->cached_at_.tv_nsec != ctime.tv_nsec) {
    return std::nullopt;
  }
  return node->cached_;
}

void NodeTable::cache(const NodeRef& node, const timespec& ctime,
                      const mapped::Recorded& recorded) {
  const std::lock_guard lock(mutex_);
  node->cached_at_ = ctime;
  node->cached_ = recorded;
}

void NodeTable::forget_cached(const NodeRef& node) {
  const std::lock_guard lock(mutex_);
  node->cached_at_ = {.tv_sec = INT64_MIN, .tv_nsec = 0};
}

std::size_t NodeTable::size() const {
  const std::lock_guard lock(mutex_);
  return nodes_.size();
}

NodeRef NodeTable::refer_locked(Node& node) {
  if (node.references_.fetch_add(1, std::memory_order_relaxed) == 0 &&
      node.idle_since_ != IdleNodes::Clock::time_point()) {
    idle_.remove(node);
    node.idle_since_ = {};
  }
  return NodeRef(node);
}

NodeTable::Nodes NodeTable::no_nodes() {
  constexpr float kMaxLoad = 0.8F;
  constexpr float kMinLoad = 0.1F;  // What is emptier shrinks at the next new node.
  Nodes nodes;
  nodes.max_load_factor(kMaxLoad);
  nodes.min_load_factor(kMinLoad);
  return nodes;
}

Node* NodeTable::find_locked(const InodeId& id) const {
  const auto found = nodes_.find(id);
  return found != nodes_.end() ? found->get() : nullptr;
}

Node& NodeTable::add_locked(const InodeId& id, std::uint32_t mode) {
  return **nodes_.insert(std::make_unique<Node>(*this, id, mode & S_IFMT)).first;
}

void NodeTable::release(Node& released) {
  // A loop, not a recursion: the last reference to a deep leaf may drop a thousand ancestors.
  for (Node* node = &released; node != nullptr;) {
    node = release_one(*node);
  }
}

Node* NodeTable::release_one(Node& node) {
  std::uint32_t count = node.references_.load(std::memory_order_relaxed);
  while (count > 1) {
    if (node.references_.compare_exchange_weak(count, count - 1, std::memory_order_release)) {
      return nullptr;
    }
  }
  Remains remains;
  bool begins_idling = false;
  {
    const std::lock_guard lock(mutex_);
    if (node.references_.fetch_sub(1, std::memory_order_acq_rel) > 1) {
      return nullptr;
    }
    // Without a name it is only waste; without a birth time a later inode may look the same.
    const bool is_kept = max_idle > 0 && node.parent_ != nullptr && node.id().birth != 0;
    Node* end = &node;
    if (is_kept) {
      // A node that goes in and out of use alone must not wake somebody each time.
      begins_idling = !std::exchange(is_drop_awaited_, true);
      node.forget_what_is_told();
      idle_.add(node, IdleNodes::Clock::now());
      end = idle_.size() > max_idle ? idle_.oldest() : nullptr;
      if (end != nullptr) {
        idle_.remove(*end);
      }
    }
    if (end != nullptr) {
      remains = take_out_locked(*end);
    }
  }
  if (begins_idling && on_idle) {
    on_idle();
  }
  Node* const parent = remains.parent;
  finish(std::move(remains));
  return parent;
}

NodeTable::Remains NodeTable::take_out_locked(Node& node) {
  Remains remains{.fd = budget_.close(node.slot_), .id = node.id(), .parent = node.parent_};
  nodes_.erase(remains.id);
  return remains;
}

void NodeTable::end(Remains remains) {
  Node* const parent = remains.parent;
  finish(std::move(remains));
  if (parent != nullptr) {
    release(*parent);
  }
}

void NodeTable::finish(Remains remains) {
  if (remains.id == InodeId{}) {
    return;
  }
  if (on_forget) {
    on_forget(remains.id);
  }
  if (remains.parent == nullptr && remains.fd.is_open()) {
    // It was nameless: the inode may be freed by this close, with all its blocks.
    const bool is_quick =
        closes_at_once && is_local(remains.id.device) && sys::is_small(remains.fd.get());
    if (!is_quick) {
      close_later_(std::move(remains.fd));
    }
  }
}

bool NodeTable::drop_idle(IdleNodes::Clock::time_point before) {
  while (true) {
    Remains remains;
    {
      const std::lock_guard lock(mutex_);
      Node* const oldest = idle_.oldest();
      if (oldest == nullptr) {
        is_drop_awaited_ = false;
        return false;
      }
      if (IdleNodes::since(*oldest) >= before) {
        return true;
      }
      idle_.remove(*oldest);
      remains = take_out_locked(*oldest);
    }
    end(std::move(remains));
  }
}

}  // namespace nineroot::fs
