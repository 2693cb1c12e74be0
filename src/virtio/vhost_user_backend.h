// The device's side of the vhost-user protocol, for a device with one ring: takes messages, keeps
// memory table and ring, makes replies.  Sockets are vhost_user_socket.h's business, requests in
// the ring the caller's.  Which front-end sends what in which order: docs/vhost-user.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/failure.h"
#include "base/log_budget.h"
#include "virtio/guest_memory.h"
#include "virtio/vhost_user_message.h"
#include "virtio/vring.h"

namespace nineroot::virtio {

/// What the guest sees of the device.
struct DeviceDescription {
  std::uint64_t device_features = 0;  ///< The device type's own bits, 0 to 23.
  std::vector<std::byte> config;      ///< Read-only; zeros follow it.
  std::uint64_t max_chain_bytes = 0;
};

/// One connection to a front-end.  One thread only.  No message of any content does more harm
/// than a refusal or the end of the connection.
class VhostUserBackend {
 public:
  /// `listener` must outlive the back-end.
  VhostUserBackend(DeviceDescription device, VringListener& listener);

  /// Does what `message` asks.  The value is the reply to send, empty if none is due; the failure
  /// says why the connection cannot go on.
  ///
  /// A refused message is answered with an error where the front-end asked for an answer; what
  /// asked for none makes the next message that asks fail, and the ring does not start.
  Outcome<std::vector<std::byte>> handle(VhostUserMessage message);

  [[nodiscard]] Vring& ring() { return ring_; }

  [[nodiscard]] const Vring& ring() const { return ring_; }

  [[nodiscard]] const GuestMemory& memory() const { return memory_; }

  /// What GET_FEATURES answers.
  [[nodiscard]] std::uint64_t features() const;

 private:
  /// The reply's payload; unused by messages that are answered by an acknowledgement.
  using Answer = Result<std::vector<std::byte>>;

  struct Rule {
    VhostRequest request;
    const char* name;
    std::size_t min_size;
    std::size_t max_size;
    std::size_t max_fds;
    bool has_own_reply;
    Answer (VhostUserBackend::*handle)(VhostUserMessage&);
  };

  static const Rule kRules[];
  static const Rule* find_rule(VhostRequest request);

  Answer run(const Rule& rule, VhostUserMessage& message);
  Outcome<std::vector<std::byte>> acknowledge(const Rule& rule, const VhostUserMessage& message,
                                              const Answer& answer);

  Answer get_features(VhostUserMessage& message);
  Answer set_features(VhostUserMessage& message);
  Answer get_protocol_features(VhostUserMessage& message);
  Answer set_protocol_features(VhostUserMessage& message);
  Answer get_queue_num(VhostUserMessage& message);
  Answer get_max_mem_slots(VhostUserMessage& message);
  Answer accept(VhostUserMessage& message);
  Answer set_backend_req_fd(VhostUserMessage& message);
  Answer reset_owner(VhostUserMessage& message);
  Answer set_mem_table(VhostUserMessage& message);
  Answer add_mem_reg(VhostUserMessage& message);
  Answer rem_mem_reg(VhostUserMessage& message);
  Answer set_vring_num(VhostUserMessage& message);
  Answer set_vring_addr(VhostUserMessage& message);
  Answer set_vring_base(VhostUserMessage& message);
  Answer get_vring_base(VhostUserMessage& message);
  Answer set_vring_kick(VhostUserMessage& message);
  Answer set_vring_call(VhostUserMessage& message);
  Answer set_vring_err(VhostUserMessage& message);
  Answer set_vring_enable(VhostUserMessage& message);
  Answer get_config(VhostUserMessage& message);
  Answer set_config(VhostUserMessage& message);

  DeviceDescription device_;
  GuestMemory memory_;
  Vring ring_;
  UniqueFd backend_requests_;          ///< Nothing is ever sent there.
  std::optional<Errno> unseen_error_;  ///< Of a message that asked for no answer.
  LogBudget refusal_log_{8};
};

}  // namespace nineroot::virtio
