// Who wakes whom, when: EVENT_IDX and the older flags.
#include <poll.h>

#include <atomic>
#include <string_view>
#include <thread>

#include <gtest/gtest.h>

#include "tests/support/driver_sim.h"
#include "tests/support/guest_ram.h"
#include "virtio/virtqueue.h"

namespace nineroot::virtio {
namespace {

using test::DriverOptions;
using test::DriverSim;
using test::GuestRam;

constexpr std::string_view kText = "request";

struct Pair {
  explicit Pair(DriverOptions options = {}) : driver(ram, options) {
    for (const MemoryRegion& region : ram.regions()) {
      EXPECT_TRUE(memory.add(region, ram.fd()));
    }
    const auto at = [&](std::uint64_t address) {
      return memory.at_user_address(ram.user_address(address), 1);
    };
    queue.start({.descriptors = at(driver.descriptor_address()),
                 .avail = at(driver.avail_address()),
                 .used = at(driver.used_address()),
                 .size = options.size},
                options.first_index, options.has_event_idx);
  }

  void submit() { driver.submit(std::as_bytes(std::span(kText)), 11); }

  void answer() {
    const auto chain = queue.pop();
    ASSERT_TRUE(chain);
    queue.push(chain->head, 11);
  }

  GuestRam ram = GuestRam::pc();
  GuestMemory memory;
  DriverSim driver;
  Virtqueue queue{memory, 1U << 20U};
};

TEST(EventIdx, SignalsOnlyWhenTheUsedEventIsPassed) {
  Pair pair;
  for (int i = 0; i < 4; ++i) {
    pair.submit();
  }
  pair.driver.set_used_event(2);  // Wants to know of the third completion.
  pair.answer();
  EXPECT_FALSE(pair.queue.should_signal());
  pair.answer();
  EXPECT_FALSE(pair.queue.should_signal());
  pair.answer();
  EXPECT_TRUE(pair.queue.should_signal());
  pair.answer();
  EXPECT_FALSE(pair.queue.should_signal());
}

TEST(EventIdx, ABatchThatPassesTheEventSignals) {
  Pair pair;
  for (int i = 0; i < 4; ++i) {
    pair.submit();
  }
  pair.driver.set_used_event(1);
  for (int i = 0; i < 4; ++i) {
    pair.answer();
  }
  EXPECT_TRUE(pair.queue.should_signal());
  EXPECT_FALSE(pair.queue.should_signal()) << "nothing was completed since";
}

TEST(EventIdx, SignalsAcrossTheWrap) {
  Pair pair({.first_index = 65534});
  for (int i = 0; i < 4; ++i) {
    pair.submit();
  }
  pair.driver.set_used_event(65535);
  pair.answer();
  EXPECT_FALSE(pair.queue.should_signal());
  pair.answer();  // The used index is 0 now.
  EXPECT_TRUE(pair.queue.should_signal());
  pair.driver.set_used_event(0);
  pair.answer();
  EXPECT_TRUE(pair.queue.should_signal());
}

TEST(EventIdx, ABusyDeviceIsNotKicked) {
  Pair pair;
  EXPECT_FALSE(pair.queue.arm());
  pair.submit();
  EXPECT_EQ(pair.driver.kicks(), 1U);
  pair.queue.disarm();
  pair.submit();
  pair.answer();
  pair.answer();
  pair.submit();
  EXPECT_EQ(pair.driver.kicks(), 1U) << "popping asks for nothing";
  pair.answer();
  EXPECT_FALSE(pair.queue.arm());
  pair.submit();
  EXPECT_EQ(pair.driver.kicks(), 2U);
}

TEST(EventIdx, ArmingTellsOfARequestThatIsThereAlready) {
  Pair pair;
  pair.submit();
  EXPECT_TRUE(pair.queue.arm());
  pair.answer();
  EXPECT_FALSE(pair.queue.arm());
  EXPECT_EQ(pair.driver.avail_event(), pair.queue.last_avail());
}

TEST(NotifyFlags, TheDriverMaySwitchInterruptsOff) {
  Pair pair({.has_event_idx = false});
  pair.submit();
  pair.answer();
  EXPECT_TRUE(pair.queue.should_signal());
  *reinterpret_cast<std::uint16_t*>(pair.ram.at(pair.driver.avail_address())) = kAvailNoInterrupt;
  EXPECT_FALSE(pair.queue.should_signal());
}

TEST(NotifyFlags, ABusyDeviceIsNotKicked) {
  Pair pair({.has_event_idx = false});
  pair.queue.disarm();
  EXPECT_EQ(pair.driver.used_flags(), kUsedNoNotify);
  pair.submit();
  EXPECT_EQ(pair.driver.kicks(), 0U);
  EXPECT_TRUE(pair.queue.arm());
  pair.answer();
  EXPECT_FALSE(pair.queue.arm());
  pair.submit();
  EXPECT_EQ(pair.driver.kicks(), 1U);
}

class LostWakeUp : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Virtqueue, LostWakeUp, testing::Values(false, true),
                         [](const auto& form) { return form.param ? "EventIdx" : "Flags"; });

TEST_P(LostWakeUp, NeverHappensBetweenTwoThreads) {
  constexpr int kRequests = 50000;
  Pair pair({.has_event_idx = GetParam()});
  const int kick = pair.driver.kick_fd();
  const int call = pair.driver.call_fd();
  std::atomic<bool> is_stuck = false;
  std::jthread device([&] {
    int done = 0;
    while (done < kRequests) {
      pair.queue.disarm();
      do {
        while (const auto chain = pair.queue.pop()) {
          pair.queue.push(chain->head, 11);
          ++done;
          const std::uint64_t one = 1;
          if (pair.queue.should_signal() && ::write(call, &one, sizeof(one)) < 0) {
            is_stuck = errno != EAGAIN;
          }
        }
      } while (pair.queue.arm());
      pollfd watched{.fd = kick, .events = POLLIN, .revents = 0};
      if (done < kRequests && ::poll(&watched, 1, 20000) <= 0) {
        is_stuck = true;
        return;
      }
      std::uint64_t count = 0;
      if (done < kRequests && ::read(kick, &count, sizeof(count)) < 0) {
        is_stuck = true;
      }
    }
  });
  int sent = 0;
  int received = 0;
  while (received < kRequests) {
    while (sent < kRequests && sent - received < 1 + sent % 7) {
      pair.submit();
      ++sent;
    }
    ASSERT_NO_THROW((void)pair.driver.wait());
    ++received;
  }
  device.join();
  EXPECT_FALSE(is_stuck);
}

}  // namespace
}  // namespace nineroot::virtio
