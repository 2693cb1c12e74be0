// One inode of the host that somebody holds: what a fid stands for.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <string>
#include <utility>

#include "base/mapped_format.h"
#include "fs/fd_budget.h"

namespace nineroot::fs {

class NodeTable;

/// What tells one inode from every other, also from a later one that got the same number.
struct InodeId {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t birth = 0;  ///< Birth time in nanoseconds; 0 where the host has none.

  bool operator==(const InodeId&) const = default;
};

/// Lives in a NodeTable while NodeRefs to it exist.  It is found by descriptor; the descriptor may
/// be closed to save budget and is then opened again from the parent and the name, and held
/// against the id.  Members are the table's, guarded by its mutex, except where said.
class Node {
 public:
  Node(NodeTable& table, const InodeId& id, std::uint32_t host_type)
      : id_(id), table_(table), host_type_(static_cast<std::uint16_t>(host_type)) {}

  /// Constant: the host inode's S_IFMT bits.
  [[nodiscard]] std::uint32_t host_type() const { return host_type_; }

  /// Constant.
  [[nodiscard]] const InodeId& id() const { return id_; }

  /// The size that clients believe the file to have: what they were last told, or what they made it
  /// by writing and truncating since.  0 if none was given yet.  Thread-safe, as are those below.
  [[nodiscard]] std::uint64_t known_size() const {
    return known_size_.load(std::memory_order_relaxed);
  }

  /// By whoever tells it to a client.
  void set_known_size(std::uint64_t size) { known_size_.store(size, std::memory_order_relaxed); }

  /// A write reached this far.
  void raise_known_size(std::uint64_t size) {
    std::uint64_t known = known_size();
    while (known < size && !known_size_.compare_exchange_weak(known, size)) {
    }
  }

  /// Nobody holds it any more: nobody believes any size, or knows that it has no set-id bits.
  void forget_what_is_told() {
    set_known_size(0);
    may_have_set_id_ = true;
  }

  /// False once a look has shown that neither set-id bits nor file capabilities are there.  Any
  /// thread.
  [[nodiscard]] bool may_have_set_id() const { return may_have_set_id_; }
  void set_may_have_set_id(bool may) { may_have_set_id_ = may; }

  /// It was cut, and the next close may start to write it (ext4's auto_da_alloc, and XFS).  Any
  /// thread.
  void set_truncated() { is_truncated_ = true; }

  /// Whether it was since the last call.
  bool take_truncated() { return is_truncated_.exchange(false); }

 private:
  friend class NodeTable;
  friend class NodeRef;
  friend class IdleNodes;

  const InodeId id_;
  NodeTable& table_;
  std::atomic<std::uint32_t> references_ = 0;
  const std::uint16_t host_type_;
  std::atomic<bool> may_have_set_id_ = true;
  std::atomic<bool> is_truncated_ = false;
  std::atomic<std::uint64_t> known_size_ = 0;
  FdSlot slot_{FdSlot::Kind::inode};  ///< Guarded by the budget.
  /// Where it was last seen; null for the root, and for one that has lost the name by which it was
  /// known, which is pinned.  Counts as a reference.
  Node* parent_ = nullptr;
  std::string name_;
  /// What the tree records of it, as read when ctime was cached_at_; valid while statx still shows
  /// that ctime.
  timespec cached_at_{.tv_sec = INT64_MIN, .tv_nsec = 0};
  mapped::Recorded cached_;
  // While nobody refers to it: IdleNodes.
  Node* idle_newer_ = nullptr;
  Node* idle_older_ = nullptr;
  std::chrono::steady_clock::time_point idle_since_;
};

/// A counted reference.  Copies are cheap; the last one may close a descriptor.
class NodeRef {
 public:
  NodeRef() = default;
  NodeRef(const NodeRef& other);
  NodeRef(NodeRef&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}

  NodeRef& operator=(NodeRef other) noexcept {
    std::swap(node_, other.node_);
    return *this;
  }

  ~NodeRef();

  [[nodiscard]] Node& operator*() const { return *node_; }

  [[nodiscard]] Node* operator->() const { return node_; }

  [[nodiscard]] Node* get() const { return node_; }

  [[nodiscard]] explicit operator bool() const { return node_ != nullptr; }

  bool operator==(const NodeRef& other) const { return node_ == other.node_; }

 private:
  friend class NodeTable;

  explicit NodeRef(Node& node) : node_(&node) {}

  Node* node_ = nullptr;
};

}  // namespace nineroot::fs
