#include "transport/vhost_user_transport.h"

#include <sched.h>
#include <signal.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include <pthread.h>

#include "virtio/mapping.h"

namespace nineroot::transport {
namespace {

constexpr int kForever = -1;
constexpr int kPollIntervalMs = 1;
constexpr int kAcceptPauseMs = 1000;

Outcome<void> check(const VhostUserOptions& options) {
  if (options.tag.empty() || options.tag.size() > kMaxTagSize ||
      options.tag.find('\0') != std::string::npos) {
    return std::unexpected(Failure(fmt::format("'{}' cannot be a mount tag: it has 1 to {} bytes",
                                               options.tag, kMaxTagSize))
                               .as_usage());
  }
  return {};
}

bool has_cpu_to_spare() {
  cpu_set_t cpus;
  return ::sched_getaffinity(0, sizeof(cpus), &cpus) != 0 || CPU_COUNT(&cpus) > 1;
}

/// UML's call descriptor is a pipe, and its reader may be gone.
void block_sigpipe() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

enum Place : std::size_t { kStop, kListener, kSocket, kMailbox, kKick };

}  // namespace

VhostUserTransport::VhostUserTransport(VhostUserOptions options, wire::HandlerFactory make_handler)
    : options_(std::move(options)), make_handler_(std::move(make_handler)) {
}

Outcome<std::unique_ptr<Transport>> VhostUserTransport::listen(const std::string& path,
                                                               VhostUserOptions options,
                                                               wire::HandlerFactory make_handler) {
  TRY(check(options));
  std::unique_ptr<VhostUserTransport> made(
      new VhostUserTransport(std::move(options), std::move(make_handler)));
  auto listener = TRY(UnixListener::bind(path));
  made->listener_.emplace(std::move(listener));
  return made;
}

Outcome<std::unique_ptr<Transport>> VhostUserTransport::adopt(UniqueFd connected,
                                                              VhostUserOptions options,
                                                              wire::HandlerFactory make_handler) {
  TRY(check(options));
  options.once = true;
  std::unique_ptr<VhostUserTransport> made(
      new VhostUserTransport(std::move(options), std::move(make_handler)));
  made->adopted_ = std::move(connected);
  return made;
}

void VhostUserTransport::connect(UniqueFd socket) {
  log::debug("a vhost-user front-end is connected");
  connection_ = std::make_unique<VhostUserConnection>(
      std::move(socket), options_.tag,
      has_cpu_to_spare() ? options_.poll_for : std::chrono::microseconds(0), make_handler_);
}

void VhostUserTransport::accept() {
  auto peer = listener_->accept();
  if (!peer) {
    const int error = code(peer.error());
    if (error != EAGAIN && error != EINTR && error != ECONNABORTED) {
      peer_log_.warn("cannot accept a vhost-user front-end: {}", describe(peer.error()));
      accept_after_ = Clock::now() + std::chrono::milliseconds(kAcceptPauseMs);
    }
    return;
  }
  if (connection_) {
    peer_log_.warn("a second vhost-user front-end was turned away: one is connected");
    return;
  }
  connect(std::move(*peer));
}

bool VhostUserTransport::take_message() {
  const auto is_alive = connection_->on_socket();
  if (!is_alive) {
    peer_log_.warn("{}; the vhost-user connection is closed",
                   is_alive.error().because().empty()
                       ? is_alive.error().what()
                       : is_alive.error().what() + ": " + is_alive.error().because().front());
  }
  if (is_alive && *is_alive) {
    return false;
  }
  log::debug("the vhost-user front-end is gone");
  connection_.reset();
  return true;
}

bool VhostUserTransport::may_accept() const {
  return listener_ && Clock::now() >= accept_after_;
}

int VhostUserTransport::timeout() const {
  if (connection_ && connection_->must_be_polled()) {
    return kPollIntervalMs;
  }
  return listener_ && !may_accept() ? kAcceptPauseMs : kForever;
}

Result<bool> VhostUserTransport::watch(int stop_fd) {
  WaitSet::List list;
  list[kStop].fd = stop_fd;
  if (may_accept()) {
    list[kListener].fd = listener_->fd();
  }
  if (connection_) {
    list[kSocket].fd = connection_->socket_fd();
    list[kMailbox].fd = connection_->mailbox_fd();
    list[kKick] = {.fd = connection_->kick_fd(), .is_edge = connection_->has_kick_counter()};
  }
  const bool is_new = TRY(wait_set_.watch(list));
  if (is_new && connection_) {
    connection_->settle_kick();
  }
  return is_new;
}

Outcome<bool> VhostUserTransport::watch_or_drop(int stop_fd) {
  auto is_new = watch(stop_fd);
  if (!is_new && connection_) {
    peer_log_.warn("cannot wait for the vhost-user front-end: {}; the connection is closed",
                   describe(is_new.error()));
    connection_.reset();
    is_new = watch(stop_fd);
  }
  return context(std::move(is_new), "cannot wait for a vhost-user front-end");
}

Outcome<void> VhostUserTransport::run(int stop_fd) {
  virtio::end_cleanly_when_memory_shrinks();
  block_sigpipe();
  if (adopted_.is_open()) {
    connect(std::move(adopted_));
    if (!connection_) {
      return failure("cannot serve the vhost-user front-end");
    }
  }
  for (bool has_more = false;;) {
    const bool had_connection = connection_ != nullptr;
    has_more = TRY(watch_or_drop(stop_fd)) || has_more;
    if (options_.once && had_connection && !connection_) {
      break;
    }
    const auto waited = wait_set_.wait(has_more ? 0 : timeout());
    if (!waited) {
      return failure(waited.error(), "cannot wait for the vhost-user front-end");
    }
    const WaitSet::Ready ready = *waited;
    if (ready.test(kStop)) {
      break;
    }
    if (ready.test(kMailbox)) {
      connection_->on_mailbox();
    }
    if (ready.test(kKick)) {
      connection_->on_kick();
    }
    has_more = connection_ && connection_->serve();
    if (ready.test(kSocket)) {
      // The kick may be another descriptor now, of the same number.
      wait_set_.forget();
      if (take_message() && options_.once) {
        break;
      }
      has_more = connection_ != nullptr;
    }
    if (ready.test(kListener)) {
      accept();
    }
  }
  connection_.reset();
  return {};
}

}  // namespace nineroot::transport
