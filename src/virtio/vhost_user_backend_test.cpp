#include "virtio/vhost_user_backend.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/backend_bench.h"

namespace nineroot::virtio {
namespace {

using test::payload_of;
using enum VhostRequest;
using BackendTest = test::BackendBench;

constexpr std::uint64_t kOffered = 0x170000001;

TEST_F(BackendTest, OffersWhatLinuxNeedsAndNothingMore) {
  EXPECT_EQ(number(ask(GET_FEATURES)), kOffered);
  EXPECT_EQ(number(ask(GET_PROTOCOL_FEATURES)), 0x8229U);
  EXPECT_EQ(number(ask(GET_QUEUE_NUM)), 1U);
  EXPECT_EQ(number(ask(GET_MAX_MEM_SLOTS)), 509U);
}

TEST_F(BackendTest, RefusesFeaturesThatWereNotOffered) {
  EXPECT_TRUE(is_acked(SET_FEATURES, payload_of(kOffered)));
  EXPECT_FALSE(is_acked(SET_FEATURES, payload_of(kOffered | feature(34))));
  EXPECT_FALSE(is_acked(SET_FEATURES, payload_of(kOffered & ~kFeatureVersion1)));
  EXPECT_TRUE(is_acked(SET_PROTOCOL_FEATURES, payload_of(std::uint64_t{0x8})));
  EXPECT_FALSE(is_acked(SET_PROTOCOL_FEATURES, payload_of(std::uint64_t{0x10})));
}

TEST_F(BackendTest, EveryMessageOfAWrongSizeIsRefused) {
  struct Case {
    VhostRequest request;
    std::size_t size;
  };

  for (const auto& [request, size] :
       {Case{SET_FEATURES, 8}, Case{SET_OWNER, 0}, Case{RESET_OWNER, 0}, Case{SET_VRING_NUM, 8},
        Case{SET_VRING_ADDR, 40}, Case{SET_VRING_BASE, 8}, Case{SET_VRING_KICK, 8},
        Case{SET_VRING_CALL, 8}, Case{SET_VRING_ERR, 8}, Case{SET_PROTOCOL_FEATURES, 8},
        Case{SET_VRING_ENABLE, 8}, Case{ADD_MEM_REG, 40}, Case{REM_MEM_REG, 40}}) {
    for (std::size_t wrong = 0; wrong < 128; ++wrong) {
      if (wrong != size) {
        EXPECT_FALSE(is_acked(request, std::vector<std::byte>(wrong)))
            << static_cast<unsigned>(request) << " with " << wrong << " bytes";
      }
    }
  }
  for (const VhostRequest request :
       {GET_FEATURES, GET_PROTOCOL_FEATURES, GET_QUEUE_NUM, GET_MAX_MEM_SLOTS}) {
    EXPECT_TRUE(ends_connection(request, std::vector<std::byte>(1)));
  }
  for (std::size_t wrong = 0; wrong < 8; ++wrong) {
    EXPECT_TRUE(ends_connection(GET_VRING_BASE, std::vector<std::byte>(wrong)));
  }
}

TEST_F(BackendTest, ThereIsOneRing) {
  const VringState other{.index = 1, .value = 0};
  EXPECT_FALSE(is_acked(SET_VRING_NUM, payload_of(VringState{.index = 1, .value = 128})));
  EXPECT_FALSE(is_acked(SET_VRING_BASE, payload_of(other)));
  EXPECT_FALSE(is_acked(SET_VRING_ENABLE, payload_of(other)));
  EXPECT_FALSE(is_acked(SET_VRING_ADDR, payload_of(VringAddress{.index = 1})));
  EXPECT_FALSE(is_acked(SET_VRING_CALL, payload_of(std::uint64_t{0x101})));
  EXPECT_TRUE(ends_connection(GET_VRING_BASE, payload_of(other)));
}

TEST_F(BackendTest, RefusesImpossibleRings) {
  for (const std::uint32_t size : {0U, 3U, 100U, 65536U, 0x80000000U}) {
    EXPECT_FALSE(is_acked(SET_VRING_NUM, payload_of(VringState{.index = 0, .value = size})));
  }
  EXPECT_TRUE(is_acked(SET_VRING_NUM, payload_of(VringState{.index = 0, .value = 32768})));
  EXPECT_FALSE(is_acked(SET_VRING_BASE, payload_of(VringState{.index = 0, .value = 65536})));
  EXPECT_FALSE(is_acked(SET_VRING_ENABLE, payload_of(VringState{.index = 0, .value = 2})));
  EXPECT_FALSE(is_acked(SET_VRING_ADDR, payload_of(VringAddress{.descriptors = 8})));
  EXPECT_FALSE(is_acked(SET_VRING_ADDR, payload_of(VringAddress{.used = 2})));
  EXPECT_FALSE(is_acked(SET_VRING_ADDR, payload_of(VringAddress{.avail = 1})));
}

TEST_F(BackendTest, DescriptorsMustBeWhatTheMessageSays) {
  const UniqueFd event(::eventfd(0, EFD_CLOEXEC));
  const auto with = payload_of(std::uint64_t{0});
  const auto without = payload_of(kVringNoFd);
  for (const VhostRequest request : {SET_VRING_KICK, SET_VRING_CALL, SET_VRING_ERR}) {
    EXPECT_FALSE(is_acked(request, with));
    EXPECT_TRUE(is_acked(request, with, {event.get()}));
    EXPECT_FALSE(is_acked(request, with, {event.get(), event.get()}));
    EXPECT_FALSE(is_acked(request, without, {event.get()}));
    EXPECT_TRUE(is_acked(request, without));
  }
  EXPECT_FALSE(is_acked(SET_FEATURES, payload_of(kOffered), {event.get()}));
  EXPECT_TRUE(is_acked(SET_BACKEND_REQ_FD, {}, {event.get()}));
  EXPECT_FALSE(is_acked(SET_BACKEND_REQ_FD, {}));
}

TEST_F(BackendTest, TheChannelForRequestsStaysOpen) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK), 0);
  const UniqueFd reading(ends[0]);
  UniqueFd writing(ends[1]);
  ASSERT_TRUE(is_acked(SET_BACKEND_REQ_FD, {}, {writing.get()}));
  writing.reset();
  std::byte byte{};
  EXPECT_EQ(::read(reading.get(), &byte, 1), -1) << "UML would read an end of file for ever";
  EXPECT_EQ(errno, EAGAIN);
}

TEST_F(BackendTest, MemoryTableMustMatchItsSizeAndDescriptors) {
  const int fd = ram_.fd();
  EXPECT_TRUE(is_acked(SET_MEM_TABLE, mem_table(3), {fd, fd, fd}));
  EXPECT_EQ(backend_.memory().region_count(), 3U);
  auto padded = mem_table(1);
  padded.resize(72);
  EXPECT_TRUE(is_acked(SET_MEM_TABLE, padded, {fd})) << "as UML sends it";
  EXPECT_EQ(backend_.memory().region_count(), 1U);
  EXPECT_FALSE(is_acked(SET_MEM_TABLE, mem_table(3), {fd, fd}));
  EXPECT_FALSE(is_acked(SET_MEM_TABLE, mem_table(2), {fd, fd, fd}));
  auto cut = mem_table(3);
  for (; cut.size() > 0; cut.pop_back()) {
    if (cut.size() < 104) {
      EXPECT_FALSE(is_acked(SET_MEM_TABLE, cut, {fd, fd, fd})) << cut.size();
    }
  }
  EXPECT_FALSE(is_acked(SET_MEM_TABLE, payload_of(MemTableHeader{}, MemoryRegion{}), {}));
  EXPECT_FALSE(
      is_acked(SET_MEM_TABLE, payload_of(MemTableHeader{.count = ~0U}, MemoryRegion{}), {fd}));
  EXPECT_EQ(backend_.memory().region_count(), 1U) << "what was refused changed nothing";
}

TEST_F(BackendTest, RegionsComeAndGoOneByOne) {
  const auto region = payload_of(MemTableHeader{}, ram_.regions()[0]);
  EXPECT_FALSE(is_acked(ADD_MEM_REG, region));
  EXPECT_TRUE(is_acked(ADD_MEM_REG, region, {ram_.fd()}));
  EXPECT_FALSE(is_acked(ADD_MEM_REG, region, {ram_.fd()}));
  EXPECT_TRUE(is_acked(REM_MEM_REG, region, {ram_.fd()})) << "a stray descriptor is closed";
  EXPECT_FALSE(is_acked(REM_MEM_REG, region));
}

TEST_F(BackendTest, ConfigurationIsReadAtAnyOffsetAndFilledWithZeros) {
  EXPECT_EQ(config(0, 64), std::string("\x04\0root", 6) + std::string(58, '\0'));
  EXPECT_EQ(config(0, 3), std::string("\x04\0r", 3));
  EXPECT_EQ(config(2, 4), "root");
  EXPECT_EQ(config(4, 4), std::string("ot\0\0", 4));
  EXPECT_EQ(config(250, 6), std::string(6, '\0'));
  EXPECT_EQ(config(0, 0), "");
}

TEST_F(BackendTest, ConfigurationRequestsThatContradictThemselvesGetAnEmptyReply) {
  for (const ConfigHeader header : {ConfigHeader{.offset = 0, .size = 65, .flags = 0},
                                    ConfigHeader{.offset = 0, .size = 63, .flags = 0},
                                    ConfigHeader{.offset = 4096, .size = 64, .flags = 0},
                                    ConfigHeader{.offset = ~0U, .size = 64, .flags = 0}}) {
    auto request = payload_of(header);
    request.resize(request.size() + 64);
    EXPECT_TRUE(ask(GET_CONFIG, request).empty());
  }
  EXPECT_TRUE(ends_connection(GET_CONFIG, std::vector<std::byte>(11)));
  auto write = payload_of(ConfigHeader{.offset = 0, .size = 4, .flags = 0});
  write.resize(16);
  EXPECT_FALSE(is_acked(SET_CONFIG, write));
}

TEST_F(BackendTest, UnknownRequestsAreRefusedOrEndTheConnection) {
  for (const unsigned request : {0U, 6U, 31U, 34U, 39U, 40U, 41U, 0xffffffffU}) {
    EXPECT_FALSE(is_acked(static_cast<VhostRequest>(request), {}));
    EXPECT_TRUE(ends_connection(static_cast<VhostRequest>(request), {}));
  }
}

TEST_F(BackendTest, AnUnseenErrorFailsTheNextAcknowledgementOnce) {
  tell(SET_VRING_NUM, payload_of(VringState{.index = 0, .value = 3}));
  EXPECT_FALSE(is_acked(SET_VRING_CALL, payload_of(kVringNoFd)));
  EXPECT_TRUE(is_acked(SET_VRING_CALL, payload_of(kVringNoFd)));
}

TEST_F(BackendTest, ARingWithAnUnseenErrorDoesNotStart) {
  configure();
  tell(SET_VRING_NUM, payload_of(VringState{.index = 0, .value = 3}));
  tell(SET_VRING_ENABLE, payload_of(VringState{.index = 0, .value = 1}));
  EXPECT_FALSE(backend_.ring().is_running());
  tell(SET_VRING_ENABLE, payload_of(VringState{.index = 0, .value = 0}));
  tell(SET_VRING_ENABLE, payload_of(VringState{.index = 0, .value = 1}));
  EXPECT_TRUE(backend_.ring().is_running()) << "the next attempt is judged anew";
}

}  // namespace
}  // namespace nineroot::virtio
