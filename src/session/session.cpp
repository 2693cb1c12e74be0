// Session: requests in, replies out, what waits in between.  The messages are in ops_*.cpp.
#include "session/session.h"

#include <new>

#include "base/log.h"
#include "session/dispatch.h"

namespace nineroot::session {
namespace {

/// Requests in the pool at once; each may hold a reply of msize bytes.
constexpr std::size_t kMaxInFlight = 64;

/// What finishes a Txattrcreate.
constexpr auto kTclunk = static_cast<std::uint8_t>(wire::MsgType::Tclunk);

/// The error in a whole reply, if it is Rlerror.
std::optional<Errno> error_in(std::span<const std::byte> reply) {
  if (wire::read_header(reply).type != static_cast<std::uint8_t>(wire::MsgType::Rlerror)) {
    return std::nullopt;
  }
  const auto body = wire::decode_body<wire::Rlerror>(reply.subspan(wire::kHeaderSize));
  return body ? std::optional(Errno{static_cast<int>(body->ecode)}) : std::nullopt;
}

}  // namespace

Session::Session(fs::Tree& tree, WorkerPool& pool, std::shared_ptr<Mailbox> mailbox,
                 SessionOptions options)
    : tree_(tree),
      pool_(pool),
      mailbox_(std::move(mailbox)),
      options_(options),
      self_(std::make_shared<Session*>(this)),
      scratch_(64) {
  if (options_.takes_host_locks) {
    host_locks_.emplace(tree_);
  }
  if (options_.gate != nullptr) {
    seat_.emplace(options_.gate->join(mailbox_));
  }
}

Session::~Session() {
  end();
  *self_ = nullptr;
}

bool Session::is_full() const {
  const bool is_held_up = options_.gate != nullptr && options_.gate->is_closed();
  return is_held_up || in_flight_.size() + waiting_flushes_ >= kMaxInFlight;
}

void Session::reset() {
  end();
  msize_ = 0;
}

void Session::end() {
  auto in_flight = std::move(in_flight_);
  in_flight_.clear();
  waiting_flushes_ = 0;
  for (auto& [tag, request] : in_flight) {
    std::move(request.pending).drop();
    for (wire::Pending& flush : request.flushes) {
      std::move(flush).drop();
    }
  }
  herald_.end();
  fids_.clear();
}

void Session::handle(wire::Exchange exchange) {
  try {
    // A Twrite's data stays where it is; everything that is looked at is copied once.
    const std::size_t size = exchange.request().size();
    request_.resize(std::min(size, wire::kHeaderSize));
    exchange.request().read(0, request_);
    const wire::Header header = wire::read_header(request_);
    const bool is_write = header.type == static_cast<std::uint8_t>(wire::MsgType::Twrite);
    const std::size_t wanted = is_write ? std::min(size, wire::kWriteHeaderSize) : size;
    request_.resize(wanted);
    exchange.request().read(0, request_);
    if (msize_ != 0 && size > msize_) {
      return reply_error(exchange, Errno{EMSGSIZE});
    }
    Dispatch::run(*this, exchange, header.type, std::span(request_).subspan(wire::kHeaderSize));
  } catch (const std::bad_alloc&) {
    log::error("out of memory while answering a request");
    // The exchange, if it was not completed, answers EIO when it goes.
  }
}

void Session::reply_error(wire::Exchange& exchange, Errno error) {
  // A value that an xattr has no room for is ENOSPC as well, on ext4 (setxattr(2)).
  const bool is_of_xattr = wire::read_header(request_).type == kTclunk;
  if (!is_of_xattr || error != Errno{ENOSPC}) {
    tree_.note_trouble(error);
  }
  std::byte bytes[wire::kRlerrorSize];
  const std::size_t size = wire::encode(
      exchange.tag(), wire::Rlerror{.ecode = static_cast<std::uint32_t>(code(error))}, bytes);
  exchange.reply().write(0, bytes);
  std::move(exchange).complete(size);
}

std::size_t Session::payload_room(const wire::Exchange& exchange, std::uint32_t count,
                                  std::size_t header_size) const {
  const std::size_t room = std::min<std::size_t>(exchange.reply().size(), msize_);
  return room < header_size ? 0 : std::min<std::size_t>(count, room - header_size);
}

void Session::run_later(wire::Exchange& exchange, bool can_abandon, Work work) {
  const std::uint16_t tag = exchange.tag();
  const std::uint64_t serial = ++next_serial_;
  wire::Pending pending = std::move(exchange).detach();
  const std::size_t room = std::min<std::size_t>(pending.room(), msize_);
  if (in_flight_.contains(tag)) {
    log::warn("a client used tag {} for two requests at once", tag);
    std::byte bytes[wire::kRlerrorSize];
    (void)wire::encode(tag, wire::Rlerror{.ecode = EINVAL}, bytes);
    std::move(pending).complete(bytes);
    return;
  }
  in_flight_.emplace(tag, InFlight{.pending = std::move(pending),
                                   .serial = serial,
                                   .can_abandon = can_abandon,
                                   .flushes = {}});
  pool_.submit(
      [mailbox = mailbox_, self = self_, tag, serial, room, work = std::move(work)]() mutable {
        std::vector<std::byte> reply;
        try {
          reply.resize(room);
          reply.resize(work(reply));
        } catch (const std::bad_alloc&) {
          reply.clear();  // finish() answers in its place.
        }
        // Drops the worker's hold on files here, before the owner hears of it.
        work = nullptr;
        mailbox->post([self = std::move(self), tag, serial, reply = std::move(reply)] {
          if (*self != nullptr) {
            (*self)->finish(tag, serial, reply);
          }
        });
      });
}

void Session::finish(std::uint16_t tag, std::uint64_t serial, std::span<const std::byte> reply) {
  const auto found = in_flight_.find(tag);
  if (found == in_flight_.end() || found->second.serial != serial) {
    return;  // Flushed, or of a session that has ended.
  }
  InFlight request = std::move(found->second);
  in_flight_.erase(found);
  if (!reply.empty()) {
    if (const auto error = error_in(reply)) {
      tree_.note_trouble(*error);
    }
    std::move(request.pending).complete(reply);
  } else {
    std::byte bytes[wire::kRlerrorSize];
    (void)wire::encode(tag, wire::Rlerror{.ecode = ENOMEM}, bytes);
    std::move(request.pending).complete(bytes);
  }
  for (wire::Pending& flush : request.flushes) {
    --waiting_flushes_;
    std::byte bytes[wire::kHeaderSize];
    (void)wire::encode(flush.tag(), wire::Rflush{}, bytes);
    std::move(flush).complete(bytes);
  }
}

}  // namespace nineroot::session
