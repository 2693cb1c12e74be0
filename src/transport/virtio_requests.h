// 9P over a virtqueue: each descriptor chain is one T-message and the room for its R-message.
// The ring is virtio's business, the meaning of a message the handler's; here is only what has to
// be known of a message's header to hand it over, and what happens to those that cannot be.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/log_budget.h"
#include "transport/adaptive_poll.h"
#include "virtio/vring.h"
#include "wire/exchange.h"

namespace nineroot::transport {

/// Longest chain that is accepted: twice the largest message and some slack for room that is
/// rounded up.
inline constexpr std::uint64_t kMaxChainBytes = (2U << 20U) + (64U << 10U);

/// Takes requests from a ring and gives replies back to it.  One thread only.
///
/// A reply that comes while the ring is stopped is kept and goes out if the same driver resumes;
/// one for a driver instance that is gone is discarded.  So a stop never waits for the handler.
class VirtioRequests final : public wire::ReplySink {
 public:
  /// `ring` must outlive it.  `poll_for`: see AdaptivePoll.
  explicit VirtioRequests(virtio::Vring& ring, AdaptivePoll::Clock::duration poll_for = {})
      : ring_(ring), poll_(poll_for) {}

  /// A kick has come.
  void kicked() { poll_.woken(); }

  /// Hands requests to `handler` until the ring is empty and armed, the handler is full, or a
  /// batch is done.  True if there may be more to do at once.
  bool serve(wire::Handler& handler);

  /// The same driver goes on.
  void resume();

  /// Another driver instance: forgets what was kept.
  void restart() { parked_.clear(); }

  void finish_in_place(std::uint64_t slot, std::size_t size) override;
  void finish(std::uint64_t slot, std::span<const std::byte> reply) override;

 private:
  struct Parked {
    std::uint64_t slot;
    std::vector<std::byte> reply;
  };

  bool serve_batch(wire::Handler& handler);
  void take(virtio::DescriptorChain chain, wire::Handler& handler);
  void refuse(const virtio::DescriptorChain& chain, std::uint16_t tag, int error);
  void copy_out(std::uint16_t head, std::span<const std::byte> reply);

  /// Names a chain of one driver instance.
  [[nodiscard]] std::uint64_t slot_of(std::uint16_t head) const;
  [[nodiscard]] bool is_current(std::uint64_t slot) const;

  virtio::Vring& ring_;
  AdaptivePoll poll_;
  std::vector<Parked> parked_;
  LogBudget bad_request_log_{8};
};

}  // namespace nineroot::transport
