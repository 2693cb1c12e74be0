#include "fs/fd_budget.h"

#include <algorithm>

namespace nineroot::fs {

FdLease& FdLease::operator=(FdLease&& other) noexcept {
  if (this != &other) {
    if (budget_ != nullptr) {
      budget_->release(*slot_);
    }
    budget_ = std::exchange(other.budget_, nullptr);
    slot_ = other.slot_;
    fd_ = other.fd_;
  }
  return *this;
}

FdLease::~FdLease() {
  if (budget_ != nullptr) {
    budget_->release(*slot_);
  }
}

std::optional<FdLease> FdBudget::lease(FdSlot& slot) {
  const std::lock_guard lock(mutex_);
  if (slot.fd_ < 0) {
    return std::nullopt;
  }
  if (is_idle(slot)) {
    take_idle(slot);
  }
  ++slot.leases_;
  return FdLease(*this, slot, slot.fd_);
}

Result<FdLease> FdBudget::adopt(FdSlot& slot, UniqueFd fd) {
  std::vector<UniqueFd> closing;  // Closed after the lock is gone: close(2) may be slow.
  const std::lock_guard lock(mutex_);
  if (slot.fd_ >= 0) {
    if (is_idle(slot)) {
      take_idle(slot);
    }
    closing.push_back(std::move(fd));
  } else {
    if (size_ >= limit_) {
      // Some room at once, but no more than one request can wait for.
      constexpr std::size_t kMost = 32;
      evict(limit_ - std::min(limit_ / 16, kMost), closing);
    }
    if (size_ >= limit_ + slack_) {
      return fail(ENFILE);
    }
    slot.fd_ = fd.release();
    ++size_;
  }
  ++slot.leases_;
  return FdLease(*this, slot, slot.fd_);
}

Result<void> FdBudget::pin(FdSlot& slot, std::size_t most) {
  const std::lock_guard lock(mutex_);
  if (slot.is_pinned_) {
    return {};
  }
  if (pinned_ >= most) {
    return fail(ENFILE);
  }
  if (is_idle(slot)) {
    take_idle(slot);
  }
  slot.is_pinned_ = true;
  ++pinned_;
  return {};
}

void FdBudget::unpin(FdSlot& slot) {
  const std::lock_guard lock(mutex_);
  if (!slot.is_pinned_) {
    return;
  }
  slot.is_pinned_ = false;
  --pinned_;
  if (is_idle(slot)) {
    add_idle(slot);
  }
}

UniqueFd FdBudget::close(FdSlot& slot) {
  const std::lock_guard lock(mutex_);
  if (slot.fd_ < 0) {
    return {};
  }
  if (is_idle(slot)) {
    take_idle(slot);
  }
  if (slot.is_pinned_) {
    slot.is_pinned_ = false;
    --pinned_;
  }
  --size_;
  return UniqueFd(std::exchange(slot.fd_, -1));
}

std::size_t FdBudget::size() const {
  const std::lock_guard lock(mutex_);
  return size_;
}

void FdBudget::release(FdSlot& slot) {
  const std::lock_guard lock(mutex_);
  --slot.leases_;
  if (is_idle(slot)) {
    add_idle(slot);
  }
}

void FdBudget::add_idle(FdSlot& slot) {
  List& list = list_of(slot);
  slot.newer_ = nullptr;
  slot.older_ = list.newest;
  (list.newest != nullptr ? list.newest->newer_ : list.oldest) = &slot;
  list.newest = &slot;
  ++list.size;
}

void FdBudget::take_idle(FdSlot& slot) {
  List& list = list_of(slot);
  (slot.newer_ != nullptr ? slot.newer_->older_ : list.newest) = slot.older_;
  (slot.older_ != nullptr ? slot.older_->newer_ : list.oldest) = slot.newer_;
  slot.newer_ = slot.older_ = nullptr;
  --list.size;
}

void FdBudget::close_some() {
  constexpr std::size_t kSome = 16;
  std::vector<UniqueFd> closing;
  const std::lock_guard lock(mutex_);
  evict(size_ > kSome ? size_ - kSome : 1, closing);
}

void FdBudget::evict(std::size_t goal, std::vector<UniqueFd>& closing) {
  while (size_ >= goal) {
    // Inodes keep a quarter, without which every lookup would open its directory again.
    FdSlot* victim =
        inodes_.size > limit_ / 4 || files_.oldest == nullptr ? inodes_.oldest : files_.oldest;
    if (victim == nullptr) {
      return;
    }
    take_idle(*victim);
    closing.emplace_back(std::exchange(victim->fd_, -1));
    --size_;
  }
}

}  // namespace nineroot::fs
