// One T-message and the room for its R-message: where transports and sessions meet.
// A transport makes an Exchange per request and gives it to a Handler (a session), which completes
// it exactly once, at once or later.  Everything here runs on the transport's own thread; workers
// come back to it through a Mailbox.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "base/io_vec.h"
#include "base/mailbox.h"

namespace nineroot::wire {

/// Takes replies back: the transport's side of an exchange.  `slot` is the transport's own name
/// for the request.  Each slot is finished exactly once.
class ReplySink {
 public:
  virtual ~ReplySink() = default;

  /// The reply lies in the first `size` bytes of the exchange's reply memory.  Size 0 returns the
  /// room without a reply: right for a flushed request alone (Linux trans_virtio.c req_done()
  /// ignores such completions, and the guest task of any other would wait for ever).
  virtual void finish_in_place(std::uint64_t slot, std::size_t size) = 0;

  /// The reply lies in private memory, at most as long as the room was; empty as size 0 above.
  /// The sink copies it out, or discards it when whoever asked is gone.
  virtual void finish(std::uint64_t slot, std::span<const std::byte> reply) = 0;
};

/// A request whose reply comes later: keeps no pointer into the request's or the reply's memory,
/// so that guest memory may change or vanish meanwhile.  Destroying it unfinished answers
/// Rlerror EIO.
class Pending {
 public:
  Pending(ReplySink& sink, std::uint64_t slot, std::uint16_t tag, std::size_t room)
      : sink_(&sink), slot_(slot), tag_(tag), room_(room) {}

  Pending(Pending&& other) noexcept
      : sink_(std::exchange(other.sink_, nullptr)),
        slot_(other.slot_),
        tag_(other.tag_),
        room_(other.room_) {}

  Pending& operator=(Pending&&) = delete;
  ~Pending();

  /// Bytes of room for the reply.
  [[nodiscard]] std::size_t room() const { return room_; }

  [[nodiscard]] std::uint16_t tag() const { return tag_; }

  /// `reply` is a whole R-message of at most room() bytes.
  void complete(std::span<const std::byte> reply) &&;

  /// Flushed: no reply will come.
  void drop() &&;

 private:
  ReplySink* sink_;
  std::uint64_t slot_;
  std::uint16_t tag_;
  std::size_t room_;
};

/// A request being answered.  request() and reply() may lie in guest memory: copy what you decide
/// on.  Destroying it uncompleted answers Rlerror EIO.
class Exchange {
 public:
  /// `tag` is the one that the transport read from the request's header.
  Exchange(ReplySink& sink, std::uint64_t slot, std::uint16_t tag, IoVecs request, IoVecs reply)
      : sink_(&sink),
        slot_(slot),
        tag_(tag),
        request_(std::move(request)),
        reply_(std::move(reply)) {}

  Exchange(Exchange&& other) noexcept
      : sink_(std::exchange(other.sink_, nullptr)),
        slot_(other.slot_),
        tag_(other.tag_),
        request_(std::move(other.request_)),
        reply_(std::move(other.reply_)) {}

  Exchange& operator=(Exchange&&) = delete;
  ~Exchange();

  /// The whole T-message from its size field on; exactly as long as that field says.
  [[nodiscard]] const IoVecs& request() const { return request_; }

  /// The room for the R-message: at least kRlerrorSize (11) bytes, transports refuse less.
  [[nodiscard]] const IoVecs& reply() const { return reply_; }

  [[nodiscard]] std::uint16_t tag() const { return tag_; }

  /// The reply was written into reply(): `size` is what its size field says.
  void complete(std::size_t size) &&;

  /// Keeps only the way back.
  [[nodiscard]] Pending detach() &&;

 private:
  ReplySink* sink_;
  std::uint64_t slot_;
  std::uint16_t tag_;
  IoVecs request_;
  IoVecs reply_;
};

/// Answers the requests of one connection or one ring: a session.  All calls come from the
/// transport's thread.
class Handler {
 public:
  virtual ~Handler() = default;

  virtual void handle(Exchange exchange) = 0;

  /// True while no further request should be handed over: too many are pending.
  [[nodiscard]] virtual bool is_full() const = 0;

  /// Whoever sent the requests is gone (connection closed, guest rebooted): forgets the session.
  /// Requests still pending are finished with nothing; the sink must still be alive.
  virtual void reset() = 0;
};

/// Makes the Handler of a new connection; workers post to `mailbox`, which the transport runs.
using HandlerFactory = std::function<std::unique_ptr<Handler>(std::shared_ptr<Mailbox> mailbox)>;

}  // namespace nineroot::wire
