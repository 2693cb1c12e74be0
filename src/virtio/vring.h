// One ring as the front-end configures it: its place, its event descriptors, and when it runs.
// The ring's contents are virtqueue.h's business, the messages vhost_user_backend.h's.
#pragma once

#include <cstdint>
#include <optional>

#include "base/log_budget.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "virtio/guest_memory.h"
#include "virtio/virtqueue.h"

namespace nineroot::virtio {

/// Told when the ring runs again, before the first request is taken.
class VringListener {
 public:
  virtual ~VringListener() = default;

  /// Another driver instance (the guest rebooted, or bound its driver anew): what is still in
  /// flight from before will never be wanted.
  virtual void ring_restarted() = 0;

  /// The same driver goes on: what is in flight may be completed.
  virtual void ring_resumed() = 0;
};

/// Where the ring's parts are, as front-end user addresses.
struct RingAddresses {
  std::uint64_t descriptors = 0;
  std::uint64_t avail = 0;
  std::uint64_t used = 0;

  bool operator==(const RingAddresses&) const = default;
};

/// Runs while it has a kick and is enabled, from the last of the two on.  Front-ends set the other
/// things in any order, stop in three ways (disable; disable and GET_VRING_BASE; nothing at all
/// before a new configuration) and never say whether the guest that comes next is the one that
/// was there before.  A start is a resume if ring, size, event mode, base and the used index in
/// memory are all what they were at the stop.  One thread only.
class Vring {
 public:
  Vring(GuestMemory& memory, VringListener& listener, std::uint64_t max_chain_bytes)
      : memory_(memory), listener_(listener), queue_(memory, max_chain_bytes) {}

  /// Errors: EINVAL unless a power of two up to kMaxRingSize.
  Result<void> set_size(std::uint32_t size);
  /// Errors: EINVAL for more than 16 bits.
  Result<void> set_base(std::uint32_t base);
  /// Errors: EINVAL for wrong alignment.  Whether the ring lies in memory is seen at the start.
  Result<void> set_addresses(const RingAddresses& addresses);
  /// Takes effect at the next start.
  void set_event_idx(bool has_event_idx) { has_event_idx_ = has_event_idx; }

  /// An unopened descriptor means: look at the ring without being kicked.  May start the ring;
  /// errors as set_enabled().
  Result<void> set_kick(UniqueFd kick);
  /// An unopened descriptor means: never signal.
  Result<void> set_call(UniqueFd call);
  Result<void> set_error(UniqueFd error);

  /// Starts the ring if it has a kick, or stops it and keeps its position.
  /// Errors: EINVAL if size or addresses are missing, EFAULT if the ring is not in shared memory.
  Result<void> set_enabled(bool is_enabled);

  /// Stops the ring until the next set_kick() and says which index is next.
  [[nodiscard]] std::uint16_t stop();

  /// After any change of the memory table.
  void memory_changed();

  [[nodiscard]] bool is_running() const { return is_running_; }

  /// What to poll for kicks; -1 if there is nothing to poll.
  [[nodiscard]] int kick_fd() const;

  /// True if nothing will tell when the guest adds requests.
  [[nodiscard]] bool must_be_polled() const {
    return is_running_ && !kick_.is_open() && !queue_.defect();
  }

  /// True if kick_fd() is an eventfd.  Each write to one wakes whoever waits for its edges, read or
  /// not, and it takes 2^64 to fill it: note_kick() is enough then.
  [[nodiscard]] bool has_kick_counter() const { return has_kick_counter_; }

  /// kick_fd() has become readable.
  void note_kick() {
    ++kicks_;
    is_kick_noted_ = true;
  }

  /// After kick_fd() was readable, or to leave nothing in it.  Counts what was not noted.
  void drain_kick();

  /// The next chain of a running ring, or nothing.  A defect is told to log and front-end once.
  [[nodiscard]] std::optional<DescriptorChain> pop();

  /// Marks the ring unusable, as pop() does when it finds a defect.
  void break_down(RingDefect defect);

  /// Gives a chain back while the ring runs and signals the driver if it wants that: at once, or
  /// while signals are held with the fourth that is given back.
  void complete(std::uint16_t head, std::uint32_t length);

  /// While more chains wait, one signal for several replies saves the guest interrupts and us
  /// system calls.  Whoever holds signals lets them go as soon as the ring is empty.
  void hold_signals() { holds_signals_ = true; }
  void let_signals_go();

  [[nodiscard]] Virtqueue& queue() { return queue_; }

  /// Counts driver instances: what was popped under another number must not be completed.
  [[nodiscard]] std::uint64_t generation() const { return generation_; }

  /// Nobody is there any more: stops, and nothing in flight may be completed.
  void abandon();

 private:
  void signal();
  Result<void> start_if_ready();
  [[nodiscard]] Result<RingMemory> resolve() const;
  [[nodiscard]] bool is_same_ring(const RingMemory& ring, std::uint16_t base) const;

  GuestMemory& memory_;
  VringListener& listener_;
  Virtqueue queue_;

  // What the front-end said.
  std::uint32_t size_ = 0;
  std::optional<std::uint16_t> base_;  ///< Since the last start.
  std::optional<RingAddresses> addresses_;
  bool has_event_idx_ = false;
  bool has_kick_ = false;
  bool is_enabled_ = false;
  bool is_reconfigured_ = false;  ///< Since the last start.
  UniqueFd kick_;
  UniqueFd call_;
  UniqueFd error_;

  // What runs or ran last.
  struct Started {
    RingAddresses addresses;
    std::uint32_t size;
    bool has_event_idx;
  };

  std::optional<Started> started_;
  bool is_running_ = false;
  std::uint64_t generation_ = 0;
  bool has_kick_counter_ = false;
  unsigned kicks_ = 0;          ///< Since the start.
  bool is_kick_noted_ = false;  ///< What is in kick_ was counted.
  bool had_request_ = false;
  bool holds_signals_ = false;
  unsigned unsignalled_ = 0;  ///< Chains given back since the last look whether to signal.
  LogBudget defect_log_{3};
  LogBudget kick_log_{1};
};

}  // namespace nineroot::virtio
