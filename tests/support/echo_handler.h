// A handler for tests of transports: answers each request with its own body, at once or when the
// test says so, and remembers what happened to it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "base/mailbox.h"
#include "wire/exchange.h"

namespace nineroot::test {

/// A request that EchoHandler answers at once: size[4] type[1] tag[2] body.
[[nodiscard]] std::vector<std::byte> echo_request(std::uint16_t tag, std::string_view body);
/// One that it keeps until EchoLog::release().
[[nodiscard]] std::vector<std::byte> slow_request(std::uint16_t tag, std::string_view body);
/// What it answers to either.
[[nodiscard]] std::vector<std::byte> echo_reply(std::uint16_t tag, std::string_view body);
/// An Rlerror.
[[nodiscard]] std::vector<std::byte> error_reply(std::uint16_t tag, std::uint32_t ecode);

/// What the handlers of one transport did, and the way to them from the test's thread.
class EchoLog {
 public:
  /// Makes handlers that are full with `max_pending` requests.
  [[nodiscard]] wire::HandlerFactory factory(std::size_t max_pending = 64);

  /// Waits up to 20 seconds; throws std::runtime_error then.
  void wait_for_pending(std::size_t count);
  void wait_for_resets(unsigned count);

  /// Has all pending requests of the newest handler answered, on the transport's thread.
  void release();

  [[nodiscard]] unsigned resets() const { return resets_; }

  [[nodiscard]] unsigned requests() const { return requests_; }

 private:
  friend class EchoHandler;

  std::atomic<unsigned> resets_ = 0;
  std::atomic<unsigned> requests_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t pending_ = 0;
  std::shared_ptr<Mailbox> mailbox_;
  class EchoHandler* newest_ = nullptr;
};

class EchoHandler final : public wire::Handler {
 public:
  EchoHandler(EchoLog& log, std::size_t max_pending) : log_(log), max_pending_(max_pending) {}

  void handle(wire::Exchange exchange) override;
  [[nodiscard]] bool is_full() const override { return waiting_.size() >= max_pending_; }
  void reset() override;

  void answer_all();

 private:
  struct Waiting {
    wire::Pending pending;
    std::vector<std::byte> reply;
  };

  void note_pending();

  EchoLog& log_;
  std::size_t max_pending_;
  std::vector<std::unique_ptr<Waiting>> waiting_;
};

}  // namespace nineroot::test
