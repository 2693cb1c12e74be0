// What the back-end does for each request; which of them it knows is in vhost_user_backend.cpp.
#include <algorithm>
#include <span>
#include <utility>

#include "virtio/vhost_user_backend.h"

namespace nineroot::virtio {
namespace {

constexpr std::uint64_t kProtocolFeatures = kProtocolMq | kProtocolReplyAck |
                                            kProtocolBackendRequests | kProtocolConfig |
                                            kProtocolMemSlots;
constexpr std::size_t kMaxTableRegions = kMaxVhostFds;

/// Neither IN_ORDER (replies come in any order), nor RING_RESET (QEMU would reset its own copy of
/// the ring and never tell), nor ACCESS_PLATFORM (descriptors hold guest physical addresses).
constexpr std::uint64_t kTransportFeatures =
    kFeatureIndirect | kFeatureEventIdx | kFeatureProtocol | kFeatureVersion1;

Result<std::vector<std::byte>> number(std::uint64_t value) {
  std::vector<std::byte> payload;
  append_payload(payload, value);
  return payload;
}

Result<std::vector<std::byte>> nothing(Result<void> done) {
  TRY(std::move(done));
  return std::vector<std::byte>{};
}

/// The state of ring 0, the only one.
Result<VringState> ring_state(const VhostUserMessage& message) {
  const auto state = *load_payload<VringState>(message.payload);
  return state.index == 0 ? Result<VringState>(state) : fail(EINVAL);
}

/// The descriptor of SET_VRING_KICK, CALL or ERR; not open with NOFD.
Result<UniqueFd> ring_fd(VhostUserMessage& message) {
  const auto value = *load_payload<std::uint64_t>(message.payload);
  const std::size_t expected = (value & kVringNoFd) != 0 ? 0 : 1;
  if ((value & kVringIndexMask) != 0 || message.fds.size() != expected) {
    return fail(EINVAL);
  }
  return expected == 0 ? UniqueFd() : std::move(message.fds.front());
}

MemoryRegion region_at(const VhostUserMessage& message, std::size_t index) {
  return *load_payload<MemoryRegion>(message.payload,
                                     sizeof(MemTableHeader) + index * sizeof(MemoryRegion));
}

}  // namespace

std::uint64_t VhostUserBackend::features() const {
  return device_.device_features | kTransportFeatures;
}

VhostUserBackend::Answer VhostUserBackend::get_features(VhostUserMessage& /*message*/) {
  return number(features());
}

VhostUserBackend::Answer VhostUserBackend::set_features(VhostUserMessage& message) {
  const auto acked = *load_payload<std::uint64_t>(message.payload);
  if ((acked & ~features()) != 0 || (acked & kFeatureVersion1) == 0) {
    return fail(EINVAL);
  }
  ring_.set_event_idx((acked & kFeatureEventIdx) != 0);
  if ((acked & kFeatureProtocol) == 0) {
    // Without it there is no SET_VRING_ENABLE, and a kick alone starts the ring.
    return nothing(ring_.set_enabled(true));
  }
  return nothing({});
}

VhostUserBackend::Answer VhostUserBackend::get_protocol_features(VhostUserMessage& /*message*/) {
  return number(kProtocolFeatures);
}

VhostUserBackend::Answer VhostUserBackend::set_protocol_features(VhostUserMessage& message) {
  const auto acked = *load_payload<std::uint64_t>(message.payload);
  return nothing((acked & ~kProtocolFeatures) != 0 ? Result<void>(fail(EINVAL)) : Result<void>());
}

/// crosvm makes as many queues as this says.
VhostUserBackend::Answer VhostUserBackend::get_queue_num(VhostUserMessage& /*message*/) {
  return number(1);
}

VhostUserBackend::Answer VhostUserBackend::get_max_mem_slots(VhostUserMessage& /*message*/) {
  return number(GuestMemory::kMaxRegions);
}

/// SET_OWNER, which may come late and often.
VhostUserBackend::Answer VhostUserBackend::accept(VhostUserMessage& /*message*/) {
  return nothing({});
}

/// There is nothing to ask of a front-end.  But User Mode Linux 6.12 gives the ring the interrupt
/// that it made for this channel, and without the channel that of its timer, and fails (Linux
/// arch/um/drivers/virtio_uml.c); an end of the channel would be read for ever.
VhostUserBackend::Answer VhostUserBackend::set_backend_req_fd(VhostUserMessage& message) {
  if (message.fds.size() != 1) {
    return fail(EINVAL);
  }
  backend_requests_ = std::move(message.fds.front());
  return nothing({});
}

VhostUserBackend::Answer VhostUserBackend::reset_owner(VhostUserMessage& /*message*/) {
  return nothing(ring_.set_enabled(false));
}

VhostUserBackend::Answer VhostUserBackend::set_mem_table(VhostUserMessage& message) {
  const std::size_t count = load_payload<MemTableHeader>(message.payload)->count;
  const std::size_t room = (message.payload.size() - sizeof(MemTableHeader)) / sizeof(MemoryRegion);
  if (count == 0 || count > kMaxTableRegions || count > room || message.fds.size() != count) {
    return fail(EINVAL);
  }
  std::vector<MemoryRegion> regions;
  for (std::size_t i = 0; i < count; ++i) {
    regions.push_back(region_at(message, i));
  }
  TRY(memory_.replace(regions, message.fds));
  ring_.memory_changed();
  return nothing({});
}

VhostUserBackend::Answer VhostUserBackend::add_mem_reg(VhostUserMessage& message) {
  if (message.fds.size() != 1) {
    return fail(EINVAL);
  }
  TRY(memory_.add(region_at(message, 0), message.fds.front().get()));
  ring_.memory_changed();
  return nothing({});
}

VhostUserBackend::Answer VhostUserBackend::rem_mem_reg(VhostUserMessage& message) {
  TRY(memory_.remove(region_at(message, 0)));
  ring_.memory_changed();
  return nothing({});
}

VhostUserBackend::Answer VhostUserBackend::set_vring_num(VhostUserMessage& message) {
  const VringState state = TRY(ring_state(message));
  return nothing(ring_.set_size(state.value));
}

VhostUserBackend::Answer VhostUserBackend::set_vring_addr(VhostUserMessage& message) {
  const auto address = *load_payload<VringAddress>(message.payload);
  if (address.index != 0) {
    return fail(EINVAL);
  }
  return nothing(ring_.set_addresses(
      {.descriptors = address.descriptors, .avail = address.avail, .used = address.used}));
}

VhostUserBackend::Answer VhostUserBackend::set_vring_base(VhostUserMessage& message) {
  const VringState state = TRY(ring_state(message));
  return nothing(ring_.set_base(state.value));
}

VhostUserBackend::Answer VhostUserBackend::get_vring_base(VhostUserMessage& message) {
  const VringState state = TRY(ring_state(message));
  std::vector<std::byte> payload;
  append_payload(payload, VringState{.index = state.index, .value = ring_.stop()});
  return payload;
}

VhostUserBackend::Answer VhostUserBackend::set_vring_kick(VhostUserMessage& message) {
  auto fd = TRY(ring_fd(message));
  if (unseen_error_) {
    return fail(code(*unseen_error_));
  }
  return nothing(ring_.set_kick(std::move(fd)));
}

VhostUserBackend::Answer VhostUserBackend::set_vring_call(VhostUserMessage& message) {
  auto fd = TRY(ring_fd(message));
  return nothing(ring_.set_call(std::move(fd)));
}

VhostUserBackend::Answer VhostUserBackend::set_vring_err(VhostUserMessage& message) {
  auto fd = TRY(ring_fd(message));
  return nothing(ring_.set_error(std::move(fd)));
}

/// May come for a ring that was never configured: then nothing starts and all is well.
VhostUserBackend::Answer VhostUserBackend::set_vring_enable(VhostUserMessage& message) {
  const VringState state = TRY(ring_state(message));
  if (state.value > 1) {
    return fail(EINVAL);
  }
  if (state.value == 0) {
    unseen_error_.reset();  // What begins now is another attempt.
  } else if (unseen_error_) {
    return fail(code(*unseen_error_));
  }
  return nothing(ring_.set_enabled(state.value == 1));
}

/// An empty reply is the protocol's way to refuse.
VhostUserBackend::Answer VhostUserBackend::get_config(VhostUserMessage& message) {
  const auto header = *load_payload<ConfigHeader>(message.payload);
  if (header.size != message.payload.size() - sizeof(ConfigHeader) ||
      header.offset > kMaxVhostPayload || header.size > kMaxVhostPayload - header.offset) {
    return std::vector<std::byte>{};
  }
  std::vector<std::byte> payload(sizeof(ConfigHeader) + header.size);
  std::memcpy(payload.data(), &header, sizeof(header));
  const std::span<const std::byte> config = device_.config;
  if (header.offset < config.size()) {
    const auto part = config.subspan(header.offset);
    std::ranges::copy(part.first(std::min<std::size_t>(part.size(), header.size)),
                      payload.begin() + sizeof(ConfigHeader));
  }
  return payload;
}

VhostUserBackend::Answer VhostUserBackend::set_config(VhostUserMessage& /*message*/) {
  return fail(EPERM);
}

}  // namespace nineroot::virtio
