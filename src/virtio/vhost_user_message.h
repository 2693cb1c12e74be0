// vhost-user on the wire: request numbers, flags and payload layouts.  Sockets and state are
// elsewhere.  Source: QEMU docs/interop/vhost-user.rst.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <vector>

#include "base/unique_fd.h"
#include "virtio/guest_memory.h"

namespace nineroot::virtio {

/// Spelled as the specification spells them, without VHOST_USER_.
enum class VhostRequest : std::uint32_t {
  GET_FEATURES = 1,
  SET_FEATURES = 2,
  SET_OWNER = 3,
  RESET_OWNER = 4,
  SET_MEM_TABLE = 5,
  SET_VRING_NUM = 8,
  SET_VRING_ADDR = 9,
  SET_VRING_BASE = 10,
  GET_VRING_BASE = 11,
  SET_VRING_KICK = 12,
  SET_VRING_CALL = 13,
  SET_VRING_ERR = 14,
  GET_PROTOCOL_FEATURES = 15,
  SET_PROTOCOL_FEATURES = 16,
  GET_QUEUE_NUM = 17,
  SET_VRING_ENABLE = 18,
  SET_BACKEND_REQ_FD = 21,
  GET_CONFIG = 24,
  SET_CONFIG = 25,
  GET_MAX_MEM_SLOTS = 36,
  ADD_MEM_REG = 37,
  REM_MEM_REG = 38,
};

inline constexpr std::size_t kVhostHeaderSize = 12;
/// The largest payload that is read; the largest that means anything to us has 1032 bytes.
inline constexpr std::size_t kMaxVhostPayload = 4096;
/// Descriptors of one message: SET_MEM_TABLE of rust-vmm's front-ends has up to 32 regions.
inline constexpr std::size_t kMaxVhostFds = 32;

inline constexpr std::uint32_t kVhostVersionMask = 0x3;
inline constexpr std::uint32_t kVhostVersion = 0x1;
inline constexpr std::uint32_t kVhostReply = 0x4;
inline constexpr std::uint32_t kVhostNeedReply = 0x8;

// Protocol features, as bit masks.
inline constexpr std::uint64_t kProtocolMq = 1U << 0U;
inline constexpr std::uint64_t kProtocolReplyAck = 1U << 3U;
inline constexpr std::uint64_t kProtocolBackendRequests = 1U << 5U;
inline constexpr std::uint64_t kProtocolConfig = 1U << 9U;
inline constexpr std::uint64_t kProtocolMemSlots = 1U << 15U;

/// SET_VRING_KICK, CALL and ERR: the ring's index, and whether no descriptor comes with it.
inline constexpr std::uint64_t kVringIndexMask = 0xff;
inline constexpr std::uint64_t kVringNoFd = 0x100;

struct VhostHeader {
  std::uint32_t request = 0;
  std::uint32_t flags = 0;
  std::uint32_t size = 0;  ///< Of the payload.
};
static_assert(sizeof(VhostHeader) == kVhostHeaderSize);

struct VringState {
  std::uint32_t index = 0;
  std::uint32_t value = 0;
};
static_assert(sizeof(VringState) == 8);

/// Front-end user addresses; `used` comes before `avail`.
struct VringAddress {
  std::uint32_t index = 0;
  std::uint32_t flags = 0;
  std::uint64_t descriptors = 0;
  std::uint64_t used = 0;
  std::uint64_t avail = 0;
  std::uint64_t log = 0;
};
static_assert(sizeof(VringAddress) == 40);

/// Before the bytes of GET_CONFIG and SET_CONFIG.
struct ConfigHeader {
  std::uint32_t offset = 0;
  std::uint32_t size = 0;
  std::uint32_t flags = 0;
};
static_assert(sizeof(ConfigHeader) == 12);

/// Before the regions of SET_MEM_TABLE, and (with `count` meaningless) of ADD_ and REM_MEM_REG.
struct MemTableHeader {
  std::uint32_t count = 0;
  std::uint32_t padding = 0;
};
static_assert(sizeof(MemTableHeader) == 8);

/// A request as it came in, with the descriptors that came with it.
struct VhostUserMessage {
  VhostRequest request{};
  bool needs_reply = false;
  std::vector<std::byte> payload;
  std::vector<UniqueFd> fds;
};

/// A copy of the T at `offset`, where it may be misaligned; nothing if it is not wholly there.
template <class T>
[[nodiscard]] std::optional<T> load_payload(std::span<const std::byte> payload,
                                            std::size_t offset = 0) {
  if (offset > payload.size() || sizeof(T) > payload.size() - offset) {
    return std::nullopt;
  }
  T value;
  std::memcpy(&value, payload.data() + offset, sizeof(T));
  return value;
}

template <class T>
void append_payload(std::vector<std::byte>& to, const T& value) {
  const auto bytes = std::as_bytes(std::span(&value, 1));
  to.insert(to.end(), bytes.begin(), bytes.end());
}

/// A whole reply.  Its flags are exactly version and REPLY: QEMU and UML compare the word.
[[nodiscard]] inline std::vector<std::byte> encode_reply(VhostRequest request,
                                                         std::span<const std::byte> payload) {
  std::vector<std::byte> bytes;
  bytes.reserve(kVhostHeaderSize + payload.size());
  append_payload(bytes, VhostHeader{.request = static_cast<std::uint32_t>(request),
                                    .flags = kVhostVersion | kVhostReply,
                                    .size = static_cast<std::uint32_t>(payload.size())});
  bytes.insert(bytes.end(), payload.begin(), payload.end());
  return bytes;
}

}  // namespace nineroot::virtio
