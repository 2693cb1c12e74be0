#include "transport/stream_connection.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "wire/codec.h"
#include "wire/types.h"

namespace nineroot::transport {
namespace {

/// Read at once when nothing is known of the next message.
constexpr std::size_t kReadAhead = 65536;

/// Replies that the client has not read, after which no request is taken.
constexpr std::size_t kMaxUnsent = 2 * std::size_t{wire::kMaxMsize};

}  // namespace

StreamConnection::StreamConnection(UniqueFd socket, const wire::HandlerFactory& make_handler)
    : socket_(std::move(socket)),
      mailbox_(std::make_shared<Mailbox>()),
      reply_(std::make_unique_for_overwrite<std::byte[]>(wire::kMaxMsize)),
      handler_(make_handler(mailbox_)) {
  ::fcntl(socket_.get(), F_SETFL, ::fcntl(socket_.get(), F_GETFL) | O_NONBLOCK);
}

StreamConnection::~StreamConnection() {
  // While the sink is still whole: the handler gives back what is pending.
  is_broken_ = true;
  handler_->reset();
}

bool StreamConnection::may_take_requests() const {
  return !handler_->is_full() && output_.size() - sent_ < kMaxUnsent;
}

Outcome<void> StreamConnection::run(int stop_fd) {
  while (!is_broken_) {
    // What the client reads meanwhile makes room for answers to requests that are here already;
    // nothing would wake us for those.
    do {
      TRY(serve_frames());
      flush();
    } while (!is_broken_ && may_take_requests() && has_whole_frame());
    const bool wants_input = may_take_requests();
    const bool has_output = sent_ < output_.size();
    const short events =
        static_cast<short>((wants_input ? POLLIN : 0) | (has_output ? POLLOUT : 0));
    pollfd watched[] = {{.fd = stop_fd, .events = POLLIN, .revents = 0},
                        {.fd = mailbox_->fd(), .events = POLLIN, .revents = 0},
                        {.fd = socket_.get(), .events = events, .revents = 0}};
    if (::poll(watched, std::size(watched), -1) < 0 && errno != EINTR) {
      return failure(Errno{errno}, "cannot wait for a 9P client");
    }
    if (watched[0].revents != 0) {
      return {};
    }
    if (watched[1].revents != 0) {
      mailbox_->run();
    }
    if (wants_input && (watched[2].revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
      const bool goes_on = TRY(receive());
      if (!goes_on) {
        return {};
      }
    } else if ((watched[2].revents & (POLLHUP | POLLERR)) != 0) {
      return {};
    }
  }
  return {};
}

Outcome<bool> StreamConnection::receive() {
  if (begin_ > 0) {
    input_.erase(input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(begin_));
    begin_ = 0;
  }
  // A whole large message at once, when its size is known.
  std::size_t wanted = kReadAhead;
  if (input_.size() >= sizeof(std::uint32_t)) {
    // Not checked yet: never more than a message can have.
    const std::size_t size = std::min<std::size_t>(wire::read_header(input_).size, wire::kMaxMsize);
    wanted = std::max(wanted, size - std::min(size, input_.size()));
  }
  const std::size_t have = input_.size();
  input_.resize(have + wanted);
  const ssize_t got = ::recv(socket_.get(), input_.data() + have, wanted, 0);
  input_.resize(have + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
    return true;
  }
  if (got < 0 && errno != ECONNRESET) {
    return failure(Errno{errno}, "cannot read from a 9P client");
  }
  return got > 0;
}

bool StreamConnection::has_whole_frame() const {
  const std::span<const std::byte> rest = std::span(input_).subspan(begin_);
  if (rest.size() < sizeof(std::uint32_t)) {
    return false;
  }
  // An impossible size counts too: serve_frames() refuses it.
  const std::uint32_t size = wire::read_header(rest).size;
  return size <= rest.size() || size > wire::kMaxMsize;
}

Outcome<void> StreamConnection::serve_frames() {
  while (may_take_requests() && !is_broken_) {
    const std::span<std::byte> rest = std::span(input_).subspan(begin_);
    if (rest.size() < sizeof(std::uint32_t)) {
      break;
    }
    const wire::Header header = wire::read_header(rest);
    if (header.size < wire::kHeaderSize || header.size > wire::kMaxMsize) {
      return failure("a 9P client sent a message of {} bytes; the connection is closed",
                     header.size);
    }
    if (rest.size() < header.size) {
      break;
    }
    begin_ += header.size;
    has_spoken_ = true;
    handler_->handle(wire::Exchange(*this, 0, header.tag, IoVecs(rest.first(header.size)),
                                    IoVecs(std::span(reply_.get(), wire::kMaxMsize))));
  }
  return {};
}

void StreamConnection::finish_in_place(std::uint64_t /*slot*/, std::size_t size) {
  send(std::span(reply_.get(), size));
}

void StreamConnection::finish(std::uint64_t /*slot*/, std::span<const std::byte> reply) {
  send(reply);
}

void StreamConnection::send(std::span<const std::byte> bytes) {
  if (is_broken_) {
    return;
  }
  if (sent_ == output_.size()) {
    output_.clear();
    sent_ = 0;
    const ssize_t size = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (size < 0 && errno != EAGAIN && errno != EINTR) {
      is_broken_ = true;
      return;
    }
    bytes = bytes.subspan(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  }
  // A client that always leaves something unread must not make us keep all that it has read.
  if (sent_ >= kMaxUnsent) {
    output_.erase(output_.begin(), output_.begin() + static_cast<std::ptrdiff_t>(sent_));
    sent_ = 0;
  }
  output_.insert(output_.end(), bytes.begin(), bytes.end());
}

void StreamConnection::flush() {
  while (sent_ < output_.size() && !is_broken_) {
    const std::span<const std::byte> rest = std::span(output_).subspan(sent_);
    const ssize_t size = ::send(socket_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (size < 0) {
      is_broken_ = errno != EAGAIN && errno != EINTR;
      return;
    }
    sent_ += static_cast<std::size_t>(size);
  }
  output_.clear();
  sent_ = 0;
}

}  // namespace nineroot::transport
