#include "transport/adaptive_poll.h"

#include <gtest/gtest.h>

namespace nineroot::transport {
namespace {

using namespace std::chrono_literals;

/// Stands still but for what a test, or a look at it, adds.
struct TestClock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<TestClock>;
  static constexpr bool is_steady = true;

  static time_point now() {
    time += per_look;
    return time;
  }

  static inline time_point time{};
  static inline duration per_look{};
};

class AdaptivePollTest : public testing::Test {
 protected:
  ~AdaptivePollTest() override {
    TestClock::time = {};
    TestClock::per_look = {};
  }

  /// How often it looked until it found more at look number `until`; negative if it gave up.
  int looks(int until) {
    int count = 0;
    const bool found = poll.look([&] { return ++count >= until; });
    return found ? count : -count;
  }

  void sleep(std::chrono::nanoseconds length) {
    TestClock::time += length;
    poll.woken();
  }

  /// Each look at the clock takes a microsecond, and nothing comes.
  int look_in_vain() {
    TestClock::per_look = 1us;
    const int result = looks(1 << 30);
    TestClock::per_look = {};
    return result;
  }

  BasicAdaptivePoll<TestClock> poll{8us};
};

TEST_F(AdaptivePollTest, DoesNotLookBeforeAGuestWasSeenToBeFast) {
  EXPECT_EQ(looks(1), 0);
}

TEST_F(AdaptivePollTest, LooksAfterAShortSleepAndWhileRequestsCome) {
  EXPECT_EQ(looks(1), 0);
  sleep(7us);
  EXPECT_EQ(looks(5), 5);
  EXPECT_EQ(looks(100), 100);
}

TEST_F(AdaptivePollTest, DoesNotLookAfterALongSleep) {
  EXPECT_EQ(looks(1), 0);
  sleep(8us);
  EXPECT_EQ(looks(1), 0);
}

TEST_F(AdaptivePollTest, GivesUpWhenItHasBeenLongEnough) {
  EXPECT_EQ(looks(1), 0);
  sleep(1us);
  EXPECT_LT(look_in_vain(), 0);
  EXPECT_EQ(looks(1), 0);
}

TEST_F(AdaptivePollTest, EachLookInVainDoublesTheShortSleepsBeforeTheNext) {
  for (const int needed : {1, 2, 4, 8}) {
    EXPECT_EQ(looks(1), 0);
    for (int i = 1; i < needed; ++i) {
      sleep(1us);
      EXPECT_EQ(looks(1), 0) << i << " of " << needed;
    }
    sleep(1us);
    EXPECT_LT(look_in_vain(), 0) << needed;
  }
}

TEST_F(AdaptivePollTest, ALongSleepBeginsTheCountAnew) {
  EXPECT_EQ(looks(1), 0);
  sleep(1us);
  EXPECT_LT(look_in_vain(), 0);
  EXPECT_EQ(looks(1), 0);
  sleep(1us);
  EXPECT_EQ(looks(1), 0);
  sleep(1ms);
  EXPECT_EQ(looks(1), 0);
  sleep(1us);
  EXPECT_EQ(looks(1), 0);
  sleep(1us);
  EXPECT_EQ(looks(1), 1);
}

TEST_F(AdaptivePollTest, NeverLooksIfItMayNot) {
  poll = BasicAdaptivePoll<TestClock>(0us);
  EXPECT_EQ(looks(1), 0);
  sleep(0ns);
  EXPECT_EQ(looks(1), 0);
}

}  // namespace
}  // namespace nineroot::transport
