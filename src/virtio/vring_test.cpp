// When the ring runs, and whether a start is a resume: over the messages that make it so.
#include "virtio/vring.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>

#include <gtest/gtest.h>

#include "tests/support/backend_bench.h"

namespace nineroot::virtio {
namespace {

using test::payload_of;
using enum VhostRequest;

class VringTest : public test::BackendBench {
 protected:
  Vring& ring() { return backend_.ring(); }

  void enable(bool is_enabled) {
    ASSERT_TRUE(is_acked(SET_VRING_ENABLE,
                         payload_of(VringState{.index = 0, .value = is_enabled ? 1U : 0U})));
  }

  std::uint16_t get_base() {
    return static_cast<std::uint16_t>(
        load_payload<VringState>(ask(GET_VRING_BASE, payload_of(VringState{})))->value);
  }

  void start(std::uint16_t base = 0) {
    configure(base);
    enable(true);
    ASSERT_TRUE(ring().is_running());
  }

  void submit() { driver_.submit(std::vector<std::byte>(16), 16); }

  [[nodiscard]] bool is_signalled() {
    std::uint64_t count = 0;
    return ::read(driver_.call_fd(), &count, sizeof(count)) == sizeof(count);
  }
};

TEST_F(VringTest, RunsOnceItHasAKickAndIsEnabled) {
  enable(true);
  EXPECT_FALSE(ring().is_running());
  configure();
  EXPECT_TRUE(ring().is_running());
  enable(false);
  EXPECT_FALSE(ring().is_running());
}

TEST_F(VringTest, MayBeEnabledOrDisabledBeforeItIsConfigured) {
  enable(true);
  enable(false);
  EXPECT_EQ(get_base(), 0);
  EXPECT_FALSE(ring().is_running());
}

TEST_F(VringTest, AKickAloneStartsItWithoutProtocolFeatures) {
  configure();
  ASSERT_TRUE(is_acked(SET_FEATURES, payload_of(kFeatureVersion1 | feature(0))));
  EXPECT_TRUE(ring().is_running());
}

TEST_F(VringTest, SignalsOnceAfterAStart) {
  start();
  EXPECT_TRUE(is_signalled());
  EXPECT_FALSE(is_signalled());
}

TEST_F(VringTest, DoesNotStartOutsideSharedMemory) {
  configure();
  for (const bool is_used : {false, true}) {
    VringAddress address = addresses();
    (is_used ? address.used : address.descriptors) = 0x1000;
    tell(SET_VRING_ADDR, payload_of(address));
    EXPECT_FALSE(is_acked(SET_VRING_ENABLE, payload_of(VringState{.index = 0, .value = 1})));
    EXPECT_FALSE(ring().is_running());
    EXPECT_TRUE(is_acked(SET_VRING_ENABLE, payload_of(VringState{.index = 0, .value = 0})));
  }
}

TEST_F(VringTest, DoesNotStartIfARingsEndIsOutsideItsRegion) {
  configure();
  VringAddress address = addresses();
  const MemoryRegion& low = ram_.regions()[0];
  address.descriptors = low.user_address + low.size - 16;
  tell(SET_VRING_ADDR, payload_of(address));
  EXPECT_FALSE(is_acked(SET_VRING_ENABLE, payload_of(VringState{.index = 0, .value = 1})));
}

TEST_F(VringTest, StopAndStartOfTheSameRingIsAResume) {
  start();
  submit();
  const auto chain = ring().pop();
  ASSERT_TRUE(chain);
  enable(false);
  const std::uint16_t base = get_base();
  EXPECT_EQ(base, 1);
  const auto generation = ring().generation();
  start(base);
  EXPECT_EQ(listener_.resumes, 1);
  EXPECT_EQ(listener_.restarts, 0);
  EXPECT_EQ(ring().generation(), generation);
  ring().complete(chain->head, 4);
  EXPECT_EQ(driver_.take()->length, 4U);
}

TEST_F(VringTest, DisablingAndEnablingAloneIsAResume) {
  start();
  submit();
  ASSERT_TRUE(ring().pop());
  enable(false);
  EXPECT_FALSE(ring().pop());
  enable(true);
  EXPECT_EQ(listener_.resumes, 1);
  EXPECT_EQ(ring().queue().in_flight(), 1U);
}

TEST_F(VringTest, ANewRingIsARestart) {
  start();
  submit();
  ASSERT_TRUE(ring().pop());
  enable(false);
  (void)get_base();
  // The same addresses: only the indices tell.
  driver_ = test::DriverSim(ram_);
  const auto generation = ring().generation();
  start(0);
  EXPECT_EQ(listener_.restarts, 1);
  EXPECT_EQ(ring().generation(), generation + 1);
  EXPECT_EQ(ring().queue().in_flight(), 0U);
}

TEST_F(VringTest, AnotherUsedIndexInMemoryMakesARestart) {
  start();
  submit();
  ASSERT_TRUE(ring().pop());  // Never completed: the used index stays 0.
  enable(false);
  const std::uint16_t base = get_base();
  driver_ = test::DriverSim(ram_, {.first_index = base});
  start(base);
  EXPECT_EQ(listener_.restarts, 1);
  EXPECT_EQ(ring().queue().in_flight(), 0U);
}

TEST_F(VringTest, ARingThatWasNeverAskedForItsBaseStartsAnewAllTheSame) {
  start();
  submit();
  ASSERT_TRUE(ring().pop());
  enable(false);  // UML: no GET_VRING_BASE.
  driver_ = test::DriverSim(ram_, {.size = 64});
  start(0);
  EXPECT_EQ(listener_.restarts, 1);
  submit();
  EXPECT_TRUE(ring().pop());
}

TEST_F(VringTest, AConfigurationWithoutAStopStartsAnew) {
  start();
  submit();
  ASSERT_TRUE(ring().pop());
  driver_ = test::DriverSim(ram_);
  configure();
  EXPECT_TRUE(ring().is_running());
  EXPECT_EQ(listener_.restarts, 1);
}

TEST_F(VringTest, OtherFeaturesMakeARestart) {
  start();
  enable(false);
  const std::uint16_t base = get_base();
  ASSERT_TRUE(is_acked(SET_FEATURES, payload_of(kFeatureVersion1 | kFeatureProtocol)));
  configure_ring(base);
  enable(true);
  EXPECT_EQ(listener_.restarts, 1);
}

TEST_F(VringTest, MemoryMayBeAddedWhileItRuns) {
  start();
  const MemoryRegion more{.guest_address = 0x100000000,
                          .size = 0x10000,
                          .user_address = 0x10000000,
                          .file_offset = 0x3000000};
  ASSERT_TRUE(is_acked(ADD_MEM_REG, payload_of(MemTableHeader{}, more), {ram_.fd()}));
  ASSERT_TRUE(ring().is_running());
  driver_.submit_chain({{.address = more.guest_address, .length = 16, .flags = 0, .next = 0}});
  const auto chain = ring().pop();
  ASSERT_TRUE(chain);
  EXPECT_TRUE(chain->readable_is_whole);
}

TEST_F(VringTest, MovesWithTheMemoryTable) {
  start();
  const std::vector<int> fds(3, ram_.fd());
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(is_acked(SET_MEM_TABLE, mem_table(3), fds));
    submit();
    const auto chain = ring().pop();
    ASSERT_TRUE(chain);
    ring().complete(chain->head, 1);
    ASSERT_TRUE(driver_.take());
  }
}

TEST_F(VringTest, StopsWhenItsMemoryIsTakenAwayAndComesBack) {
  const UniqueFd error(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  ASSERT_TRUE(is_acked(SET_VRING_ERR, payload_of(std::uint64_t{0}), {error.get()}));
  start();
  const auto region = payload_of(MemTableHeader{}, ram_.regions()[1]);
  ASSERT_TRUE(is_acked(REM_MEM_REG, region));
  EXPECT_FALSE(ring().is_running());
  std::uint64_t count = 0;
  EXPECT_EQ(::read(error.get(), &count, sizeof(count)), 8) << "the front-end is told";
  ASSERT_TRUE(is_acked(ADD_MEM_REG, region, {ram_.fd()}));
  enable(true);
  submit();
  EXPECT_TRUE(ring().pop());
}

TEST_F(VringTest, ABrokenRingTellsTheFrontEndAndHealsAtTheNextStart) {
  const UniqueFd error(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  ASSERT_TRUE(is_acked(SET_VRING_ERR, payload_of(std::uint64_t{0}), {error.get()}));
  start();
  EXPECT_EQ(ring().kick_fd() >= 0, true);
  driver_.offer(999);
  EXPECT_FALSE(ring().pop());
  EXPECT_FALSE(ring().pop());
  std::uint64_t count = 0;
  EXPECT_EQ(::read(error.get(), &count, sizeof(count)), 8);
  EXPECT_EQ(count, 1U) << "once";
  EXPECT_EQ(ring().kick_fd(), -1) << "nobody listens to a broken ring";
  enable(false);
  driver_ = test::DriverSim(ram_);
  start(get_base());
  submit();
  EXPECT_TRUE(ring().pop());
}

TEST_F(VringTest, WithoutAKickDescriptorItIsPolled) {
  configure();
  ASSERT_TRUE(is_acked(SET_VRING_KICK, payload_of(kVringNoFd)));
  enable(true);
  EXPECT_TRUE(ring().is_running());
  EXPECT_TRUE(ring().must_be_polled());
  EXPECT_EQ(ring().kick_fd(), -1);
}

TEST_F(VringTest, AKickThatIsAtItsEndIsPolledInstead) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const UniqueFd reader(ends[0]);
  ::close(ends[1]);
  configure();
  ASSERT_TRUE(is_acked(SET_VRING_KICK, payload_of(std::uint64_t{0}), {reader.get()}));
  enable(true);
  ring().drain_kick();
  EXPECT_EQ(ring().kick_fd(), -1);
  EXPECT_TRUE(ring().must_be_polled());
}

TEST_F(VringTest, OnlyAnEventfdIsACounter) {
  configure();
  EXPECT_TRUE(ring().has_kick_counter());
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const UniqueFd reader(ends[0]);
  const UniqueFd writer(ends[1]);
  ASSERT_TRUE(is_acked(SET_VRING_KICK, payload_of(std::uint64_t{0}), {reader.get()}));
  EXPECT_FALSE(ring().has_kick_counter());
  ASSERT_TRUE(is_acked(SET_VRING_KICK, payload_of(kVringNoFd)));
  EXPECT_FALSE(ring().has_kick_counter());
}

TEST_F(VringTest, WithoutACallDescriptorNobodyIsSignalled) {
  start();
  EXPECT_TRUE(is_signalled());
  ASSERT_TRUE(is_acked(SET_VRING_CALL, payload_of(kVringNoFd)));
  submit();
  ring().complete(ring().pop()->head, 0);
  EXPECT_FALSE(is_signalled());
  EXPECT_TRUE(driver_.take());
}

TEST_F(VringTest, AFullCallPipeDoesNotBlock) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);  // A blocking one.
  const UniqueFd reader(ends[0]);
  const UniqueFd writer(ends[1]);
  start();
  ASSERT_TRUE(is_acked(SET_VRING_CALL, payload_of(std::uint64_t{0}), {writer.get()}));
  const std::vector<std::byte> fill(1U << 20U);
  (void)::write(writer.get(), fill.data(), fill.size());
  for (int i = 0; i < 10; ++i) {
    submit();
    ring().complete(ring().pop()->head, 0);
    driver_.set_used_event(driver_.used_index());
    EXPECT_TRUE(driver_.take());
  }
}

}  // namespace
}  // namespace nineroot::virtio
