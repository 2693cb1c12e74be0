#include "transport/adaptive_poll.h"

#include <gtest/gtest.h>

namespace nineroot::transport {
namespace {

using namespace std::chrono_literals;

/// Long enough that no delay of a busy machine makes a short wait look long.
constexpr auto kLong = 1h;

int looks(AdaptivePoll& poll, int until) {
  int count = 0;
  const bool found = poll.look([&] { return ++count >= until; });
  return found ? count : -count;
}

TEST(AdaptivePoll, DoesNotLookBeforeAGuestWasSeenToBeFast) {
  AdaptivePoll poll(kLong);
  EXPECT_EQ(looks(poll, 1), 0);
}

TEST(AdaptivePoll, LooksAfterAShortSleep) {
  AdaptivePoll poll(kLong);
  EXPECT_EQ(looks(poll, 1), 0);
  poll.woken();
  EXPECT_EQ(looks(poll, 5), 5);
  EXPECT_EQ(looks(poll, 100), 100);  // And goes on while requests come.
}

TEST(AdaptivePoll, GivesUpAfterALookInVain) {
  AdaptivePoll poll(1ns);
  EXPECT_EQ(looks(poll, 1), 0);
  poll.woken();  // Not within a nanosecond.
  EXPECT_EQ(looks(poll, 1), 0);
}

TEST(AdaptivePoll, ALookInVainIsTheLastOne) {
  AdaptivePoll poll(50ms);
  EXPECT_EQ(looks(poll, 1), 0);
  poll.woken();
  const int in_vain = looks(poll, 1 << 30);
  if (in_vain == 0) {
    GTEST_SKIP() << "the machine took 50 ms between two calls";
  }
  EXPECT_LT(in_vain, 0);
  EXPECT_EQ(looks(poll, 1), 0);
}

TEST(AdaptivePoll, NeedsMoreShortSleepsAfterALookInVain) {
  AdaptivePoll poll(50ms);
  EXPECT_EQ(looks(poll, 1), 0);
  poll.woken();
  if (looks(poll, 1 << 30) == 0) {
    GTEST_SKIP() << "the machine took 50 ms between two calls";
  }
  poll.woken();  // Not soon: the look counts.
  EXPECT_EQ(looks(poll, 1), 0);
  poll.woken();
  EXPECT_EQ(looks(poll, 1), 0) << "one was enough";
  poll.woken();
  EXPECT_EQ(looks(poll, 1), 1);
}

TEST(AdaptivePoll, NeverLooksIfItMayNot) {
  AdaptivePoll poll(0ns);
  EXPECT_EQ(looks(poll, 1), 0);
  poll.woken();
  EXPECT_EQ(looks(poll, 1), 0);
}

}  // namespace
}  // namespace nineroot::transport
