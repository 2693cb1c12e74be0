// Requests over a real ring, well-formed and not, on one thread.
#include "transport/virtio_requests.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/support/backend_bench.h"
#include "tests/support/echo_handler.h"

namespace nineroot::transport {
namespace {

using test::DriverSim;
using test::echo_reply;
using test::echo_request;
using test::error_reply;
using test::slow_request;
using virtio::kDescWrite;
using enum virtio::VhostRequest;

class VirtioRequestsTest : public test::BackendBench {
 protected:
  void SetUp() override {
    configure();
    ASSERT_TRUE(
        is_acked(SET_VRING_ENABLE, test::payload_of(virtio::VringState{.index = 0, .value = 1})));
  }

  DriverSim::Completion served(std::span<const std::byte> request, std::size_t room,
                               const test::Cuts& cuts = {}) {
    driver_.submit(request, room, cuts);
    EXPECT_FALSE(requests_.serve(handler_));
    auto done = driver_.take();
    EXPECT_TRUE(done);
    return done ? *done : DriverSim::Completion{};
  }

  void set_size(std::vector<std::byte>& request, std::uint32_t size) {
    std::memcpy(request.data(), &size, sizeof(size));
  }

  test::EchoLog log_;
  VirtioRequests requests_{backend_.ring()};
  test::EchoHandler handler_{log_, 4};
};

TEST_F(VirtioRequestsTest, AnswersInPlace) {
  EXPECT_EQ(served(echo_request(7, "hello"), 100).reply, echo_reply(7, "hello"));
}

TEST_F(VirtioRequestsTest, HeaderMayBeCutAnywhere) {
  for (std::size_t cut = 1; cut < 12; ++cut) {
    EXPECT_EQ(served(echo_request(7, "hello"), 100, {{cut, 1}, {cut, 1}}).reply,
              echo_reply(7, "hello"));
  }
}

TEST_F(VirtioRequestsTest, BytesBehindTheMessageAreNotPartOfIt) {
  auto request = echo_request(7, "hello, world");
  set_size(request, 12);
  EXPECT_EQ(served(request, 100).reply, echo_reply(7, "hello"));
}

TEST_F(VirtioRequestsTest, AnswersLater) {
  const auto head = driver_.submit(slow_request(8, "later"), 100);
  EXPECT_FALSE(requests_.serve(handler_));
  EXPECT_FALSE(driver_.take());
  handler_.answer_all();
  const auto done = driver_.take();
  ASSERT_TRUE(done);
  EXPECT_EQ(done->head, head);
  EXPECT_EQ(done->reply, echo_reply(8, "later"));
}

TEST_F(VirtioRequestsTest, DroppedRequestsComeBackEmpty) {
  driver_.submit(slow_request(8, "flushed"), 100);
  requests_.serve(handler_);
  handler_.reset();
  EXPECT_EQ(driver_.take()->length, 0U);
}

TEST_F(VirtioRequestsTest, ARequestThatNobodyAnswersGetsEio) {
  EXPECT_EQ(served(echo_request(9, "this reply does not fit"), 11).reply, error_reply(9, EIO));
}

TEST_F(VirtioRequestsTest, StopsAtAFullHandlerAndGoesOn) {
  for (std::uint16_t i = 0; i < 10; ++i) {
    driver_.submit(slow_request(i, "x"), 100);
  }
  EXPECT_FALSE(requests_.serve(handler_));
  EXPECT_EQ(log_.requests(), 4U);
  handler_.answer_all();
  EXPECT_FALSE(requests_.serve(handler_));
  EXPECT_EQ(log_.requests(), 8U);
  handler_.answer_all();
  EXPECT_FALSE(requests_.serve(handler_));
  EXPECT_EQ(log_.requests(), 10U);
}

TEST_F(VirtioRequestsTest, ALongQueueIsServedInBatches) {
  for (std::uint16_t i = 0; i < 100; ++i) {
    driver_.submit(echo_request(i, "x"), 100);
  }
  EXPECT_TRUE(requests_.serve(handler_));
  EXPECT_FALSE(requests_.serve(handler_));
  EXPECT_EQ(log_.requests(), 100U);
}

TEST_F(VirtioRequestsTest, SizesThatContradictTheChainGetEproto) {
  for (const std::uint32_t size : {0U, 6U, 13U, 0xffffffffU}) {
    auto request = echo_request(3, "hello");
    set_size(request, size);
    EXPECT_EQ(served(request, 100).reply, error_reply(3, EPROTO)) << size;
  }
  EXPECT_EQ(log_.requests(), 0U);
}

TEST_F(VirtioRequestsTest, ARequestWithoutAHeaderGetsEprotoForNoTag) {
  const std::vector<std::byte> bytes(6);
  EXPECT_EQ(served(bytes, 100).reply, error_reply(0xffff, EPROTO));
  driver_.submit_chain({{.address = 0x5000, .length = 100, .flags = kDescWrite, .next = 0}});
  requests_.serve(handler_);
  EXPECT_EQ(driver_.take()->reply, error_reply(0xffff, EPROTO));
}

TEST_F(VirtioRequestsTest, WithoutRoomForAnErrorTheChainComesBackEmpty) {
  for (const std::size_t room : {0U, 1U, 10U}) {
    EXPECT_EQ(served(echo_request(3, "hello"), room).length, 0U);
  }
  EXPECT_EQ(log_.requests(), 0U);
  EXPECT_EQ(served(echo_request(3, "four"), 11).reply, echo_reply(3, "four"));
}

TEST_F(VirtioRequestsTest, UnsharedPayloadGetsEio) {
  auto request = echo_request(5, "hello");
  ram_.write(0x5000, request);
  driver_.submit_chain({{.address = 0x5000, .length = 12, .flags = 0, .next = 0},
                        {.address = test::kHole, .length = 4096, .flags = 0, .next = 0},
                        {.address = 0x6000, .length = 100, .flags = kDescWrite, .next = 0}});
  requests_.serve(handler_);
  EXPECT_EQ(driver_.take()->reply, error_reply(5, EIO));
  driver_.submit_chain({{.address = 0x5000, .length = 12, .flags = 0, .next = 0},
                        {.address = 0x6000, .length = 11, .flags = kDescWrite, .next = 0},
                        {.address = test::kHole, .length = 100, .flags = kDescWrite, .next = 0}});
  requests_.serve(handler_);
  EXPECT_EQ(driver_.take()->reply, error_reply(5, EIO));
  EXPECT_EQ(log_.requests(), 0U);
}

TEST_F(VirtioRequestsTest, AnUnsharedHeaderBreaksTheRing) {
  driver_.submit_chain({{.address = test::kHole, .length = 12, .flags = 0, .next = 0},
                        {.address = 0x6000, .length = 100, .flags = kDescWrite, .next = 0}});
  EXPECT_FALSE(requests_.serve(handler_));
  EXPECT_EQ(backend_.ring().queue().defect(), virtio::RingDefect::request_unmapped);
}

TEST_F(VirtioRequestsTest, ADriverThatTakesTheRoomAwayHarmsItselfOnly) {
  const auto head = driver_.submit(slow_request(8, "later"), 100);
  requests_.serve(handler_);
  for (const virtio::Descriptor& evil :
       {virtio::Descriptor{.address = 0x5000, .length = 5, .flags = kDescWrite, .next = 0},
        virtio::Descriptor{.address = 0x5000, .length = 500, .flags = 0, .next = 0},
        virtio::Descriptor{.address = test::kHole, .length = 500, .flags = kDescWrite, .next = 0},
        virtio::Descriptor{.address = 0, .length = 7, .flags = virtio::kDescIndirect, .next = 0}}) {
    driver_.put_descriptor(head, evil);
    handler_.answer_all();
    const auto done = driver_.take();
    ASSERT_TRUE(done);
    EXPECT_EQ(done->length, 0U);
    ASSERT_EQ(driver_.submit(slow_request(8, "later"), 100), head);
    requests_.serve(handler_);
  }
}

TEST_F(VirtioRequestsTest, RepliesToAnEarlierDriverAreDiscarded) {
  driver_.submit(slow_request(8, "before the reboot"), 100);
  requests_.serve(handler_);
  driver_ = DriverSim(ram_);
  configure();
  ASSERT_EQ(listener_.restarts, 1);
  handler_.answer_all();
  EXPECT_FALSE(driver_.take());
  EXPECT_EQ(served(echo_request(1, "new"), 100).reply, echo_reply(1, "new"));
}

}  // namespace
}  // namespace nineroot::transport
