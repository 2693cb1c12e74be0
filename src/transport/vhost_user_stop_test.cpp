// Stopping, resuming and changing memory while requests are under way.
#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "tests/support/driver_sim.h"
#include "tests/support/echo_handler.h"
#include "tests/support/fake_frontend.h"
#include "tests/support/transport_thread.h"
#include "tests/support/vmm_sequences.h"
#include "transport/vhost_user_transport.h"

namespace nineroot::transport {
namespace {

using test::DriverSim;
using test::echo_reply;
using test::echo_request;
using test::slow_request;
using test::Vmm;

class StopTest : public testing::TestWithParam<Vmm> {
 protected:
  void boot() {
    sequence_.connect();
    sequence_.start(driver_, 0);
  }

  /// All messages sent before it have been handled, and all letters posted before it have been
  /// run.
  void settle() {
    (void)frontend_.ask_number(virtio::VhostRequest::GET_FEATURES);
    (void)frontend_.ask_number(virtio::VhostRequest::GET_FEATURES);
  }

  /// Has pending requests answered while the ring is stopped.
  void release_while_stopped() {
    settle();
    log_.release();
    settle();
  }

  test::EchoLog log_;
  test::SocketPair pair_ = test::make_socket_pair();
  test::FakeFrontend frontend_{std::move(pair_.theirs)};
  test::GuestRam ram_ = test::ram_of(GetParam());
  test::VmmSequence sequence_{GetParam(), frontend_, ram_};
  DriverSim driver_{ram_};
  test::TransportThread server_{
      *VhostUserTransport::adopt(std::move(pair_.ours), {.tag = "root"}, log_.factory())};
};

/// Those that ask for the base, and so can stop and go on.
INSTANTIATE_TEST_SUITE_P(VhostUser, StopTest,
                         testing::Values(Vmm::qemu, Vmm::cloud_hypervisor, Vmm::crosvm),
                         [](const auto& vmm) { return test::name_of(vmm.param); });

TEST_P(StopTest, AReplyThatComesAfterTheResumeIsDelivered) {
  boot();
  driver_.submit(slow_request(1, "slow"), 100);
  log_.wait_for_pending(1);
  const std::uint16_t base = sequence_.stop();
  EXPECT_EQ(base, 1);
  sequence_.start(driver_, base);
  EXPECT_EQ(driver_.call(echo_request(2, "quick"), 100), echo_reply(2, "quick"));
  log_.release();
  EXPECT_EQ(driver_.wait().reply, echo_reply(1, "slow"));
  EXPECT_EQ(log_.resets(), 0U);
}

TEST_P(StopTest, AReplyThatComesWhileStoppedIsDeliveredAfterTheResume) {
  boot();
  for (std::uint16_t i = 0; i < 3; ++i) {
    driver_.submit(slow_request(i, "slow"), 100);
  }
  log_.wait_for_pending(3);
  const std::uint16_t base = sequence_.stop();
  release_while_stopped();
  EXPECT_FALSE(driver_.take()) << "a stopped ring is not written to";
  sequence_.start(driver_, base);
  for (std::uint16_t i = 0; i < 3; ++i) {
    EXPECT_EQ(driver_.wait().reply, echo_reply(i, "slow"));
  }
}

TEST_P(StopTest, ReplyForTheGuestBeforeTheRebootIsDiscarded) {
  boot();
  driver_.submit(slow_request(1, "old"), 100);
  log_.wait_for_pending(1);
  (void)sequence_.stop();
  release_while_stopped();
  DriverSim next(ram_);
  sequence_.start(next, 0);
  log_.wait_for_resets(1);
  EXPECT_EQ(next.call(echo_request(2, "new"), 100), echo_reply(2, "new"));
  EXPECT_FALSE(next.take());
}

TEST_P(StopTest, RequestsSubmittedWhileStoppedWaitForTheResume) {
  boot();
  const std::uint16_t base = sequence_.stop();
  driver_.submit(echo_request(1, "early"), 100);
  settle();
  EXPECT_FALSE(driver_.take());
  sequence_.start(driver_, base);
  EXPECT_EQ(driver_.wait().reply, echo_reply(1, "early"));
}

TEST_P(StopTest, PauseByDisablingAloneKeepsEverything) {
  boot();
  driver_.submit(slow_request(1, "slow"), 100);
  log_.wait_for_pending(1);
  sequence_.set_enabled(false);
  release_while_stopped();
  EXPECT_FALSE(driver_.take());
  sequence_.set_enabled(true);
  EXPECT_EQ(driver_.wait().reply, echo_reply(1, "slow"));
  EXPECT_EQ(log_.resets(), 0U);
}

TEST_P(StopTest, MemoryChangesUnderAPendingReply) {
  boot();
  driver_.submit(slow_request(1, "slow"), 100);
  log_.wait_for_pending(1);
  sequence_.set_mem_table();  // All mappings move.
  log_.release();
  EXPECT_EQ(driver_.wait().reply, echo_reply(1, "slow"));
}

TEST_P(StopTest, ManyStopsMemoryChangesAndCallSwapsUnderLoad) {
  boot();
  std::atomic<bool> is_done = false;
  std::atomic<unsigned> answered = 0;
  // The guest's CPU; the test's own thread is the VMM.
  std::jthread guest([&] {
    for (std::uint16_t i = 0; !is_done; ++i) {
      driver_.submit(echo_request(i, "load"), 100);
      driver_.submit(echo_request(i, "load"), 100);
      EXPECT_EQ(driver_.wait().reply, echo_reply(i, "load"));
      EXPECT_EQ(driver_.wait().reply, echo_reply(i, "load"));
      ++answered;
    }
  });
  const virtio::MemoryRegion more{
      .guest_address = 0x100000000, .size = 0x10000, .user_address = 0x10000000, .file_offset = 0};
  for (int i = 0; i < 50; ++i) {
    sequence_.set_mem_table();
    sequence_.add_mem_reg(more);
    sequence_.set_call(driver_.call_fd());
    const std::uint16_t base = sequence_.stop();
    sequence_.start(driver_, base);
    if (GetParam() == Vmm::qemu) {
      sequence_.rem_mem_reg(more);
    }
  }
  is_done = true;
  guest.join();
  EXPECT_GT(answered, 0U);
  EXPECT_EQ(log_.resets(), 0U) << "every one of the stops was followed by a resume";
}

}  // namespace
}  // namespace nineroot::transport
