// Descriptors as a budget: far more inodes and open files can be held than the process may have
// descriptors.  Those least used are closed, and their owners open them again when needed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace nineroot::fs {

class FdBudget;

/// What may hold a descriptor: part of a node or an open file.  Its owner must call
/// FdBudget::close() before it goes.  All members belong to the budget and its mutex.
class FdSlot {
 public:
  /// Inodes give way before open files do: an open file is dearer to open again.
  enum class Kind : std::uint8_t { inode, file };

  explicit FdSlot(Kind kind) : kind_(kind) {}

  FdSlot(const FdSlot&) = delete;
  FdSlot& operator=(const FdSlot&) = delete;

 private:
  friend class FdBudget;

  // A node has one each, and there may be a million of these: hence the bits.
  int fd_ = -1;
  std::uint32_t leases_ : 30 = 0;
  bool is_pinned_ : 1 = false;
  Kind kind_ : 1;
  // Neighbours in the list of what may be closed: only with a descriptor, no lease, no pin.
  FdSlot* newer_ = nullptr;
  FdSlot* older_ = nullptr;
};

/// Keeps a slot's descriptor open while somebody uses it.
class FdLease {
 public:
  FdLease(FdBudget& budget, FdSlot& slot, int fd) : budget_(&budget), slot_(&slot), fd_(fd) {}

  FdLease(FdLease&& other) noexcept
      : budget_(std::exchange(other.budget_, nullptr)), slot_(other.slot_), fd_(other.fd_) {}

  FdLease& operator=(FdLease&& other) noexcept;
  ~FdLease();

  [[nodiscard]] int fd() const { return fd_; }

 private:
  FdBudget* budget_;
  FdSlot* slot_;
  int fd_;
};

/// Thread-safe.
class FdBudget {
 public:
  /// At most `limit` descriptors are kept in slots; pinned and leased ones may exceed it by
  /// `slack`, after which adopt() fails.
  FdBudget(std::size_t limit, std::size_t slack) : limit_(limit), slack_(slack) {}

  /// Nothing if the slot has no descriptor now.
  std::optional<FdLease> lease(FdSlot& slot);

  /// Gives the slot a descriptor (closing `fd` if it has one by now) and leases it, closing others
  /// over the limit.  Errors: ENFILE when too many are pinned or in use.
  Result<FdLease> adopt(FdSlot& slot, UniqueFd fd);

  /// A pinned slot keeps its descriptor; it must hold one, so lease it meanwhile.  At most three
  /// quarters of the limit can be pinned, so that work goes on.  Errors: ENFILE.
  Result<void> pin(FdSlot& slot) { return pin(slot, limit_ - limit_ / 4); }

  /// Pins where that leaves most of the budget to those that must; else does nothing.
  void pin_if_cheap(FdSlot& slot) { (void)pin(slot, limit_ / 2); }

  void unpin(FdSlot& slot);

  /// Closes a few of those least used.
  void close_some();

  /// Takes the descriptor out; nobody may lease the slot now.
  UniqueFd close(FdSlot& slot);

  /// Descriptors in slots.
  [[nodiscard]] std::size_t size() const;

 private:
  friend class FdLease;

  struct List {
    FdSlot* newest = nullptr;
    FdSlot* oldest = nullptr;
    std::size_t size = 0;
  };

  Result<void> pin(FdSlot& slot, std::size_t most);
  void release(FdSlot& slot);
  List& list_of(const FdSlot& slot) { return slot.kind_ == FdSlot::Kind::inode ? inodes_ : files_; }
  void add_idle(FdSlot& slot);
  void take_idle(FdSlot& slot);
  [[nodiscard]] bool is_idle(const FdSlot& slot) const {
    return slot.fd_ >= 0 && slot.leases_ == 0 && !slot.is_pinned_;
  }
  /// Until `goal` are left, or none that may be closed.
  void evict(std::size_t goal, std::vector<UniqueFd>& closing);

  mutable std::mutex mutex_;
  std::size_t limit_;
  std::size_t slack_;
  std::size_t size_ = 0;
  std::size_t pinned_ = 0;
  List inodes_;
  List files_;
};

}  // namespace nineroot::fs
