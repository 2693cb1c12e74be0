// Whole connections: each VMM's own sequence of messages, and what a back-end owes to any of them.
#include "transport/vhost_user_transport.h"

#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

#include "tests/support/driver_sim.h"
#include "tests/support/echo_handler.h"
#include "tests/support/fake_frontend.h"
#include "tests/support/transport_thread.h"
#include "tests/support/vmm_sequences.h"

namespace nineroot::transport {
namespace {

using test::DriverSim;
using test::echo_reply;
using test::echo_request;
using test::FakeFrontend;
using test::TransportThread;
using test::Vmm;
using test::VmmSequence;

/// A transport at one end of a socket pair and `vmm` at the other.
struct Machine {
  explicit Machine(Vmm vmm, std::size_t max_pending = 64)
      : frontend(std::move(pair.theirs)),
        ram(test::ram_of(vmm)),
        sequence(vmm, frontend, ram),
        server(*VhostUserTransport::adopt(std::move(pair.ours), {.tag = "root"},
                                          log.factory(max_pending))) {}

  test::EchoLog log;
  test::SocketPair pair = test::make_socket_pair();
  FakeFrontend frontend;
  test::GuestRam ram;
  VmmSequence sequence;
  TransportThread server;
};

class EachVmm : public testing::TestWithParam<Vmm> {};
INSTANTIATE_TEST_SUITE_P(VhostUser, EachVmm,
                         testing::Values(Vmm::qemu, Vmm::cloud_hypervisor, Vmm::crosvm, Vmm::uml,
                                         Vmm::libkrun),
                         [](const auto& vmm) { return test::name_of(vmm.param); });

TEST_P(EachVmm, BootsAndServesRequests) {
  Machine machine(GetParam());
  DriverSim driver(machine.ram);
  machine.sequence.connect();
  EXPECT_EQ(machine.sequence.read_tag(), "root");
  machine.sequence.start(driver, 0);
  for (std::uint16_t i = 0; i < 300; ++i) {
    ASSERT_EQ(driver.call(echo_request(i, "hello"), 100), echo_reply(i, "hello"));
  }
  EXPECT_EQ(machine.log.resets(), 0U);
}

TEST_P(EachVmm, RebootsInPlace) {
  Machine machine(GetParam());
  machine.sequence.connect();
  for (unsigned boot = 0; boot < 3; ++boot) {
    DriverSim driver(machine.ram);
    EXPECT_EQ(machine.sequence.read_tag(), "root");
    machine.sequence.start(driver, 0);
    ASSERT_EQ(driver.call(echo_request(1, "hello"), 100), echo_reply(1, "hello"));
    EXPECT_EQ(machine.log.resets(), boot) << "the session of the guest before has ended";
    (void)machine.sequence.stop();
    // Not every VMM waits for an answer to its stop; a guest takes its time before it reuses
    // memory.
    (void)machine.frontend.ask_number(virtio::VhostRequest::GET_FEATURES);
  }
}

TEST_P(EachVmm, WorksWithoutEventIdxAndIndirect) {
  Machine machine(GetParam());
  DriverSim driver(machine.ram, {.has_indirect = false, .has_event_idx = false});
  machine.sequence.connect();
  machine.sequence.start(driver, 0);
  for (std::uint16_t i = 0; i < 100; ++i) {
    ASSERT_EQ(driver.call(echo_request(i, "hello"), 100), echo_reply(i, "hello"));
  }
}

TEST_P(EachVmm, GoesOnFromAHighIndex) {
  Machine machine(GetParam());
  // libkrun says base 0 at each start, whatever the index.
  const std::uint16_t first = GetParam() == Vmm::libkrun ? 0 : 65530;
  DriverSim driver(machine.ram, {.first_index = first});
  machine.sequence.connect();
  machine.sequence.start(driver, first);
  for (std::uint16_t i = 0; i < 20; ++i) {
    ASSERT_EQ(driver.call(echo_request(i, "hello"), 100), echo_reply(i, "hello"));
  }
}

TEST(VhostUser, ACallPipeServesAsAnEventfd) {
  Machine machine(Vmm::uml);
  DriverSim driver(machine.ram);
  driver.use_call_pipe();
  machine.sequence.connect();
  machine.sequence.start(driver, 0);
  for (std::uint16_t i = 0; i < 100; ++i) {
    ASSERT_EQ(driver.call(echo_request(i, "hello"), 100), echo_reply(i, "hello"));
  }
}

TEST(VhostUser, AKickPipeServesAsAnEventfd) {
  Machine machine(Vmm::uml);
  DriverSim driver(machine.ram);
  driver.use_kick_pipe();
  machine.sequence.connect();
  machine.sequence.start(driver, 0);
  // More than a pipe has room for, if nobody read it.
  for (std::uint16_t i = 0; i < 9000; ++i) {
    ASSERT_EQ(driver.call(echo_request(i, "hello"), 100), echo_reply(i, "hello"));
    driver.kick();
  }
}

TEST(VhostUser, NeedlessKicksHideNoneThatIsNeeded) {
  Machine machine(Vmm::qemu);
  DriverSim driver(machine.ram);
  machine.sequence.connect();
  machine.sequence.start(driver, 0);
  for (std::uint16_t i = 0; i < 2000; ++i) {
    for (int kicks = i % 4; kicks > 0; --kicks) {
      driver.kick();
    }
    ASSERT_EQ(driver.call(echo_request(i, "hello"), 100), echo_reply(i, "hello"));
  }
}

TEST(VhostUser, GoesOnWithAnotherKick) {
  Machine machine(Vmm::qemu);
  DriverSim driver(machine.ram);
  machine.sequence.connect();
  machine.sequence.start(driver, 0);
  for (std::uint16_t i = 0; i < 50; ++i) {
    // By the number of the one that the server closes for it, most likely; the old one lives on
    // with us.
    driver.change_kick();
    ASSERT_TRUE(machine.frontend.send_acked(virtio::VhostRequest::SET_VRING_KICK,
                                            test::payload_of(std::uint64_t{0}),
                                            {driver.kick_fd()}));
    for (std::uint16_t j = 0; j < 3; ++j) {
      ASSERT_EQ(driver.call(echo_request(j, "hello"), 100), echo_reply(j, "hello"));
    }
  }
}

TEST(VhostUser, AKickThatCannotBeWaitedForClosesTheConnection) {
  Machine machine(Vmm::qemu);
  DriverSim driver(machine.ram);
  machine.sequence.connect();
  machine.sequence.start(driver, 0);
  const UniqueFd file(::memfd_create("kick", MFD_CLOEXEC));
  machine.frontend.send(virtio::VhostRequest::SET_VRING_KICK, test::payload_of(std::uint64_t{0}),
                        {file.get()});
  EXPECT_TRUE(machine.frontend.is_hung_up());
  machine.server.join();
}

TEST(VhostUser, ARingWithoutAKickIsPolled) {
  Machine machine(Vmm::qemu);
  DriverSim driver(machine.ram);
  machine.sequence.connect();
  machine.sequence.start(driver, 0);
  ASSERT_TRUE(machine.frontend.send_acked(virtio::VhostRequest::SET_VRING_KICK,
                                          test::payload_of(virtio::kVringNoFd)));
  for (std::uint16_t i = 0; i < 5; ++i) {
    ASSERT_EQ(driver.call(echo_request(i, "hello"), 100), echo_reply(i, "hello"));
  }
}

TEST(VhostUser, AFullHandlerIsServedAgainWhenItsAnswersAreOut) {
  Machine machine(Vmm::qemu, 2);
  DriverSim driver(machine.ram);
  machine.sequence.connect();
  machine.sequence.start(driver, 0);
  for (std::uint16_t i = 0; i < 6; ++i) {
    driver.submit(test::slow_request(i, "slow"), 100);
  }
  for (int i = 0; i < 3; ++i) {
    machine.log.wait_for_pending(2);
    EXPECT_EQ(machine.log.requests(), 2U * (static_cast<unsigned>(i) + 1));
    machine.log.release();
    (void)driver.wait();
    (void)driver.wait();
  }
}

TEST(VhostUser, EndsTheSessionWhenTheFrontEndGoes) {
  Machine machine(Vmm::qemu);
  DriverSim driver(machine.ram);
  machine.sequence.connect();
  machine.sequence.start(driver, 0);
  driver.submit(test::slow_request(1, "never"), 100);
  machine.log.wait_for_pending(1);
  machine.frontend.hang_up();
  machine.server.join();
  EXPECT_EQ(machine.log.resets(), 1U);
  EXPECT_FALSE(driver.take()) << "nothing is written into a ring that nobody owns";
}

TEST(VhostUser, AMalformedMessageClosesTheConnection) {
  Machine machine(Vmm::qemu);
  machine.sequence.connect();
  machine.frontend.send_raw(
      test::payload_of(virtio::VhostHeader{.request = 1, .flags = 0, .size = 0}));
  EXPECT_TRUE(machine.frontend.is_hung_up());
  machine.server.join();
}

TEST(VhostUser, AHostileRingStopsNothingElse) {
  Machine machine(Vmm::qemu);
  DriverSim driver(machine.ram);
  machine.sequence.connect();
  machine.sequence.start(driver, 0);
  driver.offer(60000);
  (void)machine.sequence.stop();
  DriverSim next(machine.ram);
  machine.sequence.start(next, 0);
  EXPECT_EQ(next.call(echo_request(1, "hello"), 100), echo_reply(1, "hello"));
}

TEST(VhostUser, LeaksNoDescriptors) {
  const std::size_t before = test::open_descriptors();
  for (int i = 0; i < 3; ++i) {
    Machine machine(Vmm::qemu);
    DriverSim driver(machine.ram);
    machine.sequence.connect();
    machine.sequence.start(driver, 0);
    (void)machine.sequence.stop();
    machine.sequence.start(driver, 0);
    machine.frontend.send_raw(test::payload_of(virtio::VhostHeader{.flags = 0}), {1, 1, 1});
    EXPECT_TRUE(machine.frontend.is_hung_up());
  }
  EXPECT_EQ(test::open_descriptors(), before);
}

class Listening : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NE(::mkdtemp(directory_.data()), nullptr);
    path_ = directory_ + "/socket";
  }

  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::unique_ptr<Transport> listen(bool once) {
    auto made = VhostUserTransport::listen(path_, {.tag = "root", .once = once}, log_.factory());
    EXPECT_TRUE(made) << made.error().text();
    return std::move(*made);
  }

  std::string directory_ = (std::filesystem::temp_directory_path() / "vhost-XXXXXX").string();
  std::string path_;
  test::EchoLog log_;
};

TEST_F(Listening, AFrontEndMayConnectBeforeItRuns) {
  auto transport = listen(false);
  FakeFrontend frontend = FakeFrontend::connect(path_);
  TransportThread server(std::move(transport));
  EXPECT_EQ(frontend.ask_number(virtio::VhostRequest::GET_FEATURES), 0x170000001U);
}

TEST_F(Listening, TakesOneFrontEndAtATimeAndTheNextAfterwards) {
  TransportThread server(listen(false));
  for (unsigned i = 1; i <= 3; ++i) {
    FakeFrontend first = FakeFrontend::connect(path_);
    EXPECT_EQ(first.ask_number(virtio::VhostRequest::GET_QUEUE_NUM), 1U);
    FakeFrontend second = FakeFrontend::connect(path_);
    EXPECT_TRUE(second.is_hung_up());
    EXPECT_EQ(first.ask_number(virtio::VhostRequest::GET_QUEUE_NUM), 1U);
    first.hang_up();
    log_.wait_for_resets(i);
  }
}

TEST_F(Listening, OnceMeansOnce) {
  TransportThread server(listen(true));
  FakeFrontend frontend = FakeFrontend::connect(path_);
  EXPECT_EQ(frontend.ask_number(virtio::VhostRequest::GET_QUEUE_NUM), 1U);
  frontend.hang_up();
  server.join();
  EXPECT_EQ(log_.resets(), 1U);
}

TEST_F(Listening, RemovesItsSocketAtTheEnd) {
  {
    TransportThread server(listen(false));
    EXPECT_TRUE(std::filesystem::exists(path_));
  }
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(Listening, RefusesImpossibleTags) {
  for (const std::string& tag : {std::string(), std::string(255, 'x'), std::string("a\0b", 3)}) {
    const auto made = VhostUserTransport::listen(path_, {.tag = tag}, log_.factory());
    ASSERT_FALSE(made);
    EXPECT_TRUE(made.error().is_usage());
    EXPECT_FALSE(std::filesystem::exists(path_));
  }
}

}  // namespace
}  // namespace nineroot::transport
