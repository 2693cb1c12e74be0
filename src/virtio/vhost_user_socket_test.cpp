#include "virtio/vhost_user_socket.h"

#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <optional>

#include <gtest/gtest.h>

#include "tests/support/fake_frontend.h"

namespace nineroot::virtio {
namespace {

using test::FakeFrontend;
using test::payload_of;

std::vector<std::byte> message_of(VhostRequest request, std::uint32_t flags, std::uint32_t size,
                                  std::size_t payload = 0) {
  auto bytes = payload_of(
      VhostHeader{.request = static_cast<std::uint32_t>(request), .flags = flags, .size = size});
  bytes.resize(bytes.size() + payload, std::byte{0x11});
  return bytes;
}

class VhostUserSocketTest : public testing::Test {
 protected:
  /// What receive() says when it does not ask for more.
  [[nodiscard]] Errno error_of(std::span<const std::byte> bytes, const std::vector<int>& fds = {}) {
    frontend_.send_raw(bytes, fds);
    const auto received = socket_.receive();
    return received ? Errno{0} : received.error();
  }

  test::SocketPair pair_ = test::make_socket_pair();
  FakeFrontend frontend_{std::move(pair_.theirs)};
  VhostUserSocket socket_{std::move(pair_.ours)};
};

TEST_F(VhostUserSocketTest, TakesAMessageWithItsDescriptors) {
  const UniqueFd event(::eventfd(0, EFD_CLOEXEC));
  const std::size_t before = test::open_descriptors();
  frontend_.send_raw(message_of(VhostRequest::SET_VRING_KICK, 0x9, 8, 8),
                     {event.get(), event.get()});
  auto received = socket_.receive();
  ASSERT_TRUE(received && *received);
  EXPECT_EQ((*received)->request, VhostRequest::SET_VRING_KICK);
  EXPECT_TRUE((*received)->needs_reply);
  EXPECT_EQ((*received)->payload.size(), 8U);
  EXPECT_EQ((*received)->fds.size(), 2U);
  EXPECT_EQ(test::open_descriptors(), before + 2);
  received->reset();
  EXPECT_EQ(test::open_descriptors(), before);
}

TEST_F(VhostUserSocketTest, WaitsForTheRestAfterEveryByte) {
  const UniqueFd event(::eventfd(0, EFD_CLOEXEC));
  const auto bytes = message_of(VhostRequest::SET_VRING_CALL, 0x1, 8, 8);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    frontend_.send_raw(std::span(bytes).subspan(i, 1),
                       i == 0 ? std::vector{event.get()} : std::vector<int>{});
    const auto received = socket_.receive();
    ASSERT_TRUE(received);
    ASSERT_EQ(received->has_value(), i + 1 == bytes.size());
    if (*received) {
      EXPECT_EQ((*received)->fds.size(), 1U);
    }
  }
}

TEST_F(VhostUserSocketTest, KeepsMessagesApart) {
  auto bytes = message_of(VhostRequest::SET_FEATURES, 0x1, 8, 8);
  const auto second = message_of(VhostRequest::GET_FEATURES, 0x1, 0);
  bytes.insert(bytes.end(), second.begin(), second.end());
  frontend_.send_raw(bytes);
  EXPECT_EQ((**socket_.receive()).request, VhostRequest::SET_FEATURES);
  EXPECT_EQ((**socket_.receive()).request, VhostRequest::GET_FEATURES);
  EXPECT_FALSE(socket_.receive()->has_value());
}

TEST_F(VhostUserSocketTest, AFrontEndThatVanishesAnywhereIsNoticedAndLeaksNothing) {
  const UniqueFd event(::eventfd(0, EFD_CLOEXEC));
  const auto bytes = message_of(VhostRequest::SET_VRING_CALL, 0x1, 8, 8);
  const std::size_t before = test::open_descriptors();
  for (std::size_t sent = 0; sent < bytes.size(); ++sent) {
    auto pair = test::make_socket_pair();
    FakeFrontend frontend(std::move(pair.theirs));
    VhostUserSocket socket(std::move(pair.ours));
    if (sent > 0) {
      frontend.send_raw(std::span(bytes).first(sent), {event.get()});
    }
    frontend.hang_up();
    EXPECT_EQ(socket.receive().error(), Errno{EPIPE}) << sent;
  }
  EXPECT_EQ(test::open_descriptors(), before);
}

TEST_F(VhostUserSocketTest, RefusesAnotherVersion) {
  EXPECT_EQ(error_of(message_of(VhostRequest::GET_FEATURES, 0x2, 0)), Errno{EPROTO});
}

TEST_F(VhostUserSocketTest, RefusesAReply) {
  EXPECT_EQ(error_of(message_of(VhostRequest::GET_FEATURES, 0x5, 0)), Errno{EPROTO});
}

TEST_F(VhostUserSocketTest, RefusesAPayloadThatIsTooLong) {
  EXPECT_EQ(error_of(message_of(VhostRequest::GET_CONFIG, 0x1, kMaxVhostPayload + 1)),
            Errno{EPROTO});
}

TEST_F(VhostUserSocketTest, TakesThirtyTwoDescriptorsAndNoMore) {
  const UniqueFd event(::eventfd(0, EFD_CLOEXEC));
  const std::size_t before = test::open_descriptors();
  const auto bytes = message_of(VhostRequest::SET_MEM_TABLE, 0x1, 0);
  EXPECT_EQ(error_of(bytes, std::vector(32, event.get())), Errno{0});
  EXPECT_EQ(error_of(bytes, std::vector(33, event.get())), Errno{EPROTO});
  auto pair = test::make_socket_pair();
  FakeFrontend frontend(std::move(pair.theirs));
  socket_ = VhostUserSocket(std::move(pair.ours));
  frontend.send_raw(bytes, std::vector(60, event.get()));
  EXPECT_EQ(socket_.receive().error(), Errno{EPROTO});
  socket_ = VhostUserSocket(UniqueFd());
  frontend_.hang_up();
  frontend.hang_up();
  EXPECT_EQ(test::open_descriptors(), before - 2);
}

TEST_F(VhostUserSocketTest, CountsDescriptorsOverTheWholeHeader) {
  const UniqueFd event(::eventfd(0, EFD_CLOEXEC));
  const auto bytes = message_of(VhostRequest::SET_MEM_TABLE, 0x1, 0);
  frontend_.send_raw(std::span(bytes).first(4), std::vector(32, event.get()));
  EXPECT_FALSE(socket_.receive()->has_value());
  EXPECT_EQ(error_of(std::span(bytes).subspan(4), {event.get()}), Errno{EPROTO});
}

TEST_F(VhostUserSocketTest, SaysSoWhenDescriptorsAreLostForWantOfRoom) {
  const UniqueFd event(::eventfd(0, EFD_CLOEXEC));
  VhostUserSocket& socket = socket_;
  frontend_.send_raw(message_of(VhostRequest::SET_VRING_CALL, 0x1, 8, 8), {event.get()});
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const UniqueFd next(::eventfd(0, EFD_CLOEXEC));
  const rlimit none{.rlim_cur = static_cast<rlim_t>(next.get()) + 1, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const auto received = socket.receive();
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_FALSE(received);
  EXPECT_EQ(received.error(), Errno{EMFILE});
}

TEST_F(VhostUserSocketTest, DoesNotWaitForAFrontEndThatReadsNothing) {
  const std::vector<std::byte> reply(4096);
  Result<void> sent;
  for (int i = 0; i < 10000 && sent; ++i) {
    sent = socket_.send(reply);
  }
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error(), Errno{EAGAIN});
}

}  // namespace
}  // namespace nineroot::virtio
