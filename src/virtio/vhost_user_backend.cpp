#include "virtio/vhost_user_backend.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace nineroot::virtio {
namespace {

constexpr std::size_t kRegionMessage = sizeof(MemTableHeader) + sizeof(MemoryRegion);

std::vector<std::byte> verdict(bool is_good) {
  std::vector<std::byte> payload;
  append_payload(payload, std::uint64_t{is_good ? 0U : 1U});
  return payload;
}

}  // namespace

// Sizes are of the payload.  SET_MEM_TABLE may be longer than its regions: UML pads it.
const VhostUserBackend::Rule VhostUserBackend::kRules[] = {
    {VhostRequest::GET_FEATURES, "GET_FEATURES", 0, 0, 0, true, &VhostUserBackend::get_features},
    {VhostRequest::SET_FEATURES, "SET_FEATURES", 8, 8, 0, false, &VhostUserBackend::set_features},
    {VhostRequest::SET_OWNER, "SET_OWNER", 0, 0, 0, false, &VhostUserBackend::accept},
    {VhostRequest::RESET_OWNER, "RESET_OWNER", 0, 0, 0, false, &VhostUserBackend::reset_owner},
    {VhostRequest::SET_MEM_TABLE, "SET_MEM_TABLE", kRegionMessage, kMaxVhostPayload, kMaxVhostFds,
     false, &VhostUserBackend::set_mem_table},
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
     &VhostUserBackend::set_backend_req_fd},
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
    return encode_reply(message.request, verdict(false));
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
  return encode_reply(message.request, verdict(is_good));
}

}  // namespace nineroot::virtio
