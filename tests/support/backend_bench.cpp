#include "tests/support/backend_bench.h"

#include <fcntl.h>

#include "virtio/ring_layout.h"

namespace nineroot::test {
namespace {

using virtio::VhostRequest;
using enum virtio::VhostRequest;

virtio::VhostUserMessage message_of(VhostRequest request, bool needs_reply,
                                    std::span<const std::byte> payload,
                                    const std::vector<int>& fds) {
  virtio::VhostUserMessage message;
  message.request = request;
  message.needs_reply = needs_reply;
  message.payload = {payload.begin(), payload.end()};
  for (const int fd : fds) {
    message.fds.emplace_back(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  }
  return message;
}

}  // namespace

void BackendBench::tell(VhostRequest request, std::span<const std::byte> payload,
                        const std::vector<int>& fds) {
  const auto reply = backend_.handle(message_of(request, false, payload, fds));
  ASSERT_TRUE(reply);
  EXPECT_TRUE(reply->empty()) << "a reply that nobody asked for";
}

bool BackendBench::is_acked(VhostRequest request, std::span<const std::byte> payload,
                            const std::vector<int>& fds) {
  const auto reply = backend_.handle(message_of(request, true, payload, fds));
  EXPECT_TRUE(reply);
  EXPECT_EQ(reply->size(), virtio::kVhostHeaderSize + 8);
  const auto header = virtio::load_payload<virtio::VhostHeader>(*reply);
  EXPECT_EQ(header->request, static_cast<std::uint32_t>(request));
  EXPECT_EQ(header->flags, 0x5U);
  EXPECT_EQ(header->size, 8U);
  return virtio::load_payload<std::uint64_t>(*reply, virtio::kVhostHeaderSize) == 0U;
}

std::vector<std::byte> BackendBench::ask(VhostRequest request, std::span<const std::byte> payload) {
  const auto reply = backend_.handle(message_of(request, false, payload, {}));
  EXPECT_TRUE(reply);
  EXPECT_GE(reply->size(), virtio::kVhostHeaderSize);
  return {reply->begin() + virtio::kVhostHeaderSize, reply->end()};
}

bool BackendBench::ends_connection(VhostRequest request, std::span<const std::byte> payload) {
  return !backend_.handle(message_of(request, false, payload, {})).has_value();
}

std::uint64_t BackendBench::number(std::span<const std::byte> payload) {
  return virtio::load_payload<std::uint64_t>(payload).value();
}

std::string BackendBench::config(std::uint32_t offset, std::uint32_t size) {
  auto request = payload_of(virtio::ConfigHeader{.offset = offset, .size = size, .flags = 1});
  request.resize(request.size() + size);
  const auto reply = ask(GET_CONFIG, request);
  EXPECT_EQ(reply.size(), request.size());
  const auto header = virtio::load_payload<virtio::ConfigHeader>(reply);
  EXPECT_EQ(header->offset, offset);
  EXPECT_EQ(header->size, size);
  EXPECT_EQ(header->flags, 1U);
  return {reinterpret_cast<const char*>(reply.data()) + sizeof(virtio::ConfigHeader), size};
}

std::vector<std::byte> BackendBench::mem_table(std::size_t count) const {
  auto payload =
      payload_of(virtio::MemTableHeader{.count = static_cast<std::uint32_t>(count), .padding = 0});
  for (std::size_t i = 0; i < count; ++i) {
    virtio::append_payload(payload, ram_.regions()[i]);
  }
  return payload;
}

virtio::VringAddress BackendBench::addresses() const {
  return {.index = 0,
          .flags = 0,
          .descriptors = ram_.user_address(driver_.descriptor_address()),
          .used = ram_.user_address(driver_.used_address()),
          .avail = ram_.user_address(driver_.avail_address()),
          .log = 0};
}

void BackendBench::configure_ring(std::uint16_t base) {
  tell(SET_VRING_NUM, payload_of(virtio::VringState{.index = 0, .value = driver_.options().size}));
  tell(SET_VRING_BASE, payload_of(virtio::VringState{.index = 0, .value = base}));
  tell(SET_VRING_ADDR, payload_of(addresses()));
  ASSERT_TRUE(is_acked(SET_VRING_CALL, payload_of(std::uint64_t{0}), {driver_.call_fd()}));
  ASSERT_TRUE(is_acked(SET_VRING_KICK, payload_of(std::uint64_t{0}), {driver_.kick_fd()}));
}

void BackendBench::configure(std::uint16_t base) {
  tell(SET_FEATURES, payload_of(backend_.features()));
  ASSERT_TRUE(is_acked(SET_MEM_TABLE, mem_table(3), std::vector<int>(3, ram_.fd())));
  configure_ring(base);
}

}  // namespace nineroot::test
