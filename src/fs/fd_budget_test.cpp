#include "fs/fd_budget.h"

#include <fcntl.h>

#include <deque>

#include <gtest/gtest.h>

namespace nineroot::fs {
namespace {

UniqueFd any_fd() {
  return UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

/// Slots that are closed before the budget goes.
class FdBudgetTest : public testing::Test {
 protected:
  ~FdBudgetTest() override {
    for (FdSlot& slot : slots) {
      budget.close(slot);
    }
  }

  FdSlot& add(FdSlot::Kind kind = FdSlot::Kind::inode) {
    FdSlot& slot = slots.emplace_back(kind);
    EXPECT_TRUE(budget.adopt(slot, any_fd()));
    return slot;
  }

  FdBudget budget{16, 4};
  std::deque<FdSlot> slots;
};

TEST_F(FdBudgetTest, LeastUsedIsClosedFirst) {
  FdSlot& first = add();
  FdSlot& second = add();
  for (int i = 0; i < 13; ++i) {
    add();
  }
  EXPECT_TRUE(budget.lease(first));  // Used again: now the newest.
  add();
  add();
  EXPECT_TRUE(budget.lease(first));
  EXPECT_FALSE(budget.lease(second));
  EXPECT_LE(budget.size(), 16U);
}

/// Whoever needs one descriptor waits for no more than a few to be closed, however many there are.
TEST(FdBudget, OnlyAFewAreClosedAtOnce) {
  constexpr std::size_t kLimit = 700;
  FdBudget budget(kLimit, 4);
  std::deque<FdSlot> slots;
  std::size_t before = 0;
  for (std::size_t i = 0; i <= kLimit; ++i) {
    before = budget.size();
    ASSERT_TRUE(budget.adopt(slots.emplace_back(FdSlot::Kind::inode), any_fd()));
  }
  EXPECT_LT(budget.size(), before);
  EXPECT_GE(budget.size(), before - 32);
  for (FdSlot& slot : slots) {
    budget.close(slot);
  }
}

TEST_F(FdBudgetTest, LeasedOnesStay) {
  FdSlot& held = add();
  const auto lease = budget.lease(held);
  for (int i = 0; i < 50; ++i) {
    add();
  }
  EXPECT_TRUE(budget.lease(held));
}

TEST_F(FdBudgetTest, PinnedOnesStayUntilUnpinned) {
  FdSlot& held = add();
  ASSERT_TRUE(budget.pin(held));
  for (int i = 0; i < 50; ++i) {
    add();
  }
  EXPECT_TRUE(budget.lease(held));
  budget.unpin(held);
  for (int i = 0; i < 50; ++i) {
    add();
  }
  EXPECT_FALSE(budget.lease(held));
}

TEST_F(FdBudgetTest, PinningLeavesRoomForWork) {
  int pinned = 0;
  for (int i = 0; i < 16; ++i) {
    pinned += budget.pin(add()) ? 1 : 0;
  }
  EXPECT_EQ(pinned, 12);
}

TEST_F(FdBudgetTest, InodesGiveWayBeforeFiles) {
  FdSlot& file = add(FdSlot::Kind::file);
  for (int i = 0; i < 50; ++i) {
    add();
  }
  EXPECT_TRUE(budget.lease(file));
}

TEST_F(FdBudgetTest, MoreInUseThanTheSlackIsAnError) {
  std::vector<FdLease> leases;
  for (int i = 0; i < 20; ++i) {
    FdSlot& slot = slots.emplace_back(FdSlot::Kind::inode);
    leases.push_back(*budget.adopt(slot, any_fd()));
  }
  FdSlot& slot = slots.emplace_back(FdSlot::Kind::inode);
  const auto refused = budget.adopt(slot, any_fd());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), Errno{ENFILE});
}

TEST_F(FdBudgetTest, SecondDescriptorForASlotIsClosed) {
  FdSlot& slot = add();
  const int kept = budget.lease(slot)->fd();
  const auto lease = budget.adopt(slot, any_fd());
  EXPECT_EQ(lease->fd(), kept);
  EXPECT_EQ(budget.size(), 1U);
}

}  // namespace
}  // namespace nineroot::fs
