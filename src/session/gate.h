// Holds up every session of a server between two requests, so that the tree stands still for as
// long as somebody takes a snapshot of it.  What is done before the gate closes is a prefix of each
// session's stream of requests.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "base/mailbox.h"
#include "base/worker_pool.h"

namespace nineroot::session {

/// Thread-safe.
class Gate {
 public:
  /// A session's place, left when it goes.
  class Seat {
   public:
    Seat() = default;
    Seat(Gate& gate, std::uint64_t number) : gate_(&gate), number_(number) {}
    Seat(Seat&& other) noexcept
        : gate_(std::exchange(other.gate_, nullptr)), number_(other.number_) {}
    Seat& operator=(Seat&&) = delete;
    ~Seat();

   private:
    Gate* gate_ = nullptr;
    std::uint64_t number_ = 0;
  };

  /// `pool` is where the sessions' requests go that may wait for a disk.
  explicit Gate(WorkerPool& pool) : pool_(pool) {}

  /// For a session that asks is_closed() before each request that it takes, and runs the letters
  /// of `mailbox` on the thread that answers them.
  [[nodiscard]] Seat join(std::shared_ptr<Mailbox> mailbox);

  [[nodiscard]] bool is_closed() const { return is_closed_.load(std::memory_order_acquire); }

  /// Returns when no request is being answered and none will be taken: nothing changes the tree by
  /// way of this server until open().  False, and open, if that is not so within `patience` (a
  /// disk that does not answer).  One caller at a time.
  [[nodiscard]] bool close(std::chrono::milliseconds patience);

  void open();

 private:
  void post_to_all(const std::function<Mailbox::Letter()>& make_letter);

  WorkerPool& pool_;
  std::atomic<bool> is_closed_ = false;
  std::mutex mutex_;
  std::map<std::uint64_t, std::shared_ptr<Mailbox>> mailboxes_;
  std::uint64_t next_number_ = 0;
};

}  // namespace nineroot::session
