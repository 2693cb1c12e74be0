#include "virtio/vhost_user_backend.h"

#include <algorithm>
#include <iterator>
#include <span>
#include <utility>

namespace nineroot::virtio {
namespace {

constexpr std::uint64_t kProtocolFeatures =
    kProtocolMq | kProtocolReplyAck | kProtocolConfig | kProtocolMemSlots;
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

constexpr std::size_t kRegionMessage = sizeof(MemTableHeader) + sizeof(MemoryRegion);

}  // namespace

// Sizes are of the payload.  SET_MEM_TABLE may be longer than its regions: UML pads it.
const VhostUserBackend::Rule VhostUserBackend::kRules[] = {
    {VhostRequest::GET_FEATURES, "GET_FEATURES", 0, 0, 0, true, &VhostUserBackend::get_features},
    {VhostRequest::SET_FEATURES, "SET_FEATURES", 8, 8, 0, false, &VhostUserBackend::set_features},
    {VhostRequest::SET_OWNER, "SET_OWNER", 0, 0, 0, false, &VhostUserBackend::accept},
    {VhostRequest::RESET_OWNER, "RESET_OWNER", 0, 0, 0, false, &VhostUserBackend::reset_owner},
    {VhostRequest::SET_MEM_TABLE, "SET_MEM_TABLE", kRegionMessage, kMaxVhostPayload,
     kMaxTableRegions, false, &VhostUserBackend::set_mem_table},
    {VhostRequest::SET_VRING_NUM, "SET_VRING_NUM", 8, 8, 0, false,
     &VhostUserBackend::set_vring_num},
    {VhostRequest::SET_VRING_ADDR, "SET_VRING_ADDR", 40, 40, 0, false,
     &VhostUserBackend::set_vring_addr},
    {VhostRequest::SET_VRING_BASE, "SET_VRING_BASE", 8, 8, 0, false,
     &VhostUserBackend::set_vring_base},
    {VhostRequest::GET_VRING_BASE, "GET_VRING_BASE", 8, 8, 0, true,
     &VhostUserBackend::get_vring_base},
    {VhostRequest::SET_VRING_KICK, "SET_VRING_KICK", 8, 8, 1, false,
     &VhostUserBackend::set_vring_kick},
    {VhostRequest::SET_VRING_CALL, "SET_VRING_CALL", 8, 8, 1, false,
     &VhostUserBackend::set_vring_call},
    {VhostRequest::SET_VRING_ERR, "SET_VRING_ERR", 8, 8, 1, false,
     &VhostUserBackend::set_vring_err},
    {VhostRequest::GET_PROTOCOL_FEATURES, "GET_PROTOCOL_FEATURES", 0, 0, 0, true,
     &VhostUserBackend::get_protocol_features},
    {VhostRequest::SET_PROTOCOL_FEATURES, "SET_PROTOCOL_FEATURES", 8, 8, 0, false,
     &VhostUserBackend::set_protocol_features},
    {VhostRequest::GET_QUEUE_NUM, "GET_QUEUE_NUM", 0, 0, 0, true, &VhostUserBackend::get_queue_num},
    {VhostRequest::SET_VRING_ENABLE, "SET_VRING_ENABLE", 8, 8, 0, false,
     &VhostUserBackend::set_vring_enable},
    {VhostRequest::SET_BACKEND_REQ_FD, "SET_BACKEND_REQ_FD", 0, 8, 1, false,
     &VhostUserBackend::accept},
    {VhostRequest::GET_CONFIG, "GET_CONFIG", sizeof(ConfigHeader), kMaxVhostPayload, 0, true,
     &VhostUserBackend::get_config},
    {VhostRequest::SET_CONFIG, "SET_CONFIG", sizeof(ConfigHeader), kMaxVhostPayload, 0, false,
     &VhostUserBackend::set_config},
    {VhostRequest::GET_MAX_MEM_SLOTS, "GET_MAX_MEM_SLOTS", 0, 0, 0, true,
     &VhostUserBackend::get_max_mem_slots},
    {VhostRequest::ADD_MEM_REG, "ADD_MEM_REG", kRegionMessage, kRegionMessage, 1, false,
     &VhostUserBackend::add_mem_reg},
    {VhostRequest::REM_MEM_REG, "REM_MEM_REG", kRegionMessage, kRegionMessage, 1, false,
     &VhostUserBackend::rem_mem_reg},
};

VhostUserBackend::VhostUserBackend(DeviceDescription device, VringListener& listener)
    : device_(std::move(device)), ring_(memory_, listener, device_.max_chain_bytes) {
}

std::uint64_t VhostUserBackend::features() const {
  return device_.device_features | kTransportFeatures;
}

const VhostUserBackend::Rule* VhostUserBackend::find_rule(VhostRequest request) {
  const auto found = std::ranges::find(kRules, request, &Rule::request);
  return found == std::end(kRules) ? nullptr : found;
}

VhostUserBackend::Answer VhostUserBackend::run(const Rule& rule, VhostUserMessage& message) {
  const std::size_t size = message.payload.size();
  if (size < rule.min_size || size > rule.max_size || message.fds.size() > rule.max_fds) {
    return fail(EINVAL);
  }
  return (this->*rule.handle)(message);
}

Outcome<std::vector<std::byte>> VhostUserBackend::handle(VhostUserMessage message) {
  const Rule* rule = find_rule(message.request);
  if (rule == nullptr) {
    if (!message.needs_reply) {
      // The sender may be waiting for a reply whose form we do not know.
      return failure("unknown vhost-user request {}", static_cast<std::uint32_t>(message.request));
    }
    refusal_log_.warn("unknown vhost-user request {} was refused",
                      static_cast<std::uint32_t>(message.request));
    return encode_reply(message.request, *number(1));
  }
  const Answer answer = run(*rule, message);
  if (!rule->has_own_reply) {
    return acknowledge(*rule, message, answer);
  }
  if (!answer) {
    return failure(answer.error(), "vhost-user request {} is malformed", rule->name);
  }
  return encode_reply(message.request, *answer);
}

Outcome<std::vector<std::byte>> VhostUserBackend::acknowledge(const Rule& rule,
                                                              const VhostUserMessage& message,
                                                              const Answer& answer) {
  if (!answer) {
    refusal_log_.warn("vhost-user request {} was refused: {}", rule.name, describe(answer.error()));
    unseen_error_ = answer.error();
  }
  if (!message.needs_reply) {
    return std::vector<std::byte>{};
  }
  const bool is_good = !std::exchange(unseen_error_, std::nullopt).has_value();
  return encode_reply(message.request, *number(is_good ? 0 : 1));
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

/// SET_OWNER, which may come late and often, and SET_BACKEND_REQ_FD, whose descriptor is closed.
VhostUserBackend::Answer VhostUserBackend::accept(VhostUserMessage& /*message*/) {
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
