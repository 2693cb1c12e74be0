#include "transport/vhost_user_transport.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>

#include <array>
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

/// Slots of the poll list; -1 in a slot is ignored by poll(2).
enum Watched : std::size_t { kStop, kListener, kSocket, kMailbox, kKick, kWatchedCount };

bool is_ready(const pollfd& watched) {
  return watched.fd >= 0 && watched.revents != 0;
}

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

Outcome<void> VhostUserTransport::run(int stop_fd) {
  virtio::end_cleanly_when_memory_shrinks();
  block_sigpipe();
  if (adopted_.is_open()) {
    connect(std::move(adopted_));
    if (!connection_) {
      return failure("cannot serve the vhost-user front-end");
    }
  }
  bool has_more = false;
  for (;;) {
    const bool may_accept = listener_ && Clock::now() >= accept_after_;
    std::array<pollfd, kWatchedCount> watched{};
    const auto watch = [&](Watched what, int fd) { watched[what] = {fd, POLLIN, 0}; };
    watch(kStop, stop_fd);
    watch(kListener, may_accept ? listener_->fd() : -1);
    watch(kSocket, connection_ ? connection_->socket_fd() : -1);
    watch(kMailbox, connection_ ? connection_->mailbox_fd() : -1);
    watch(kKick, connection_ ? connection_->kick_fd() : -1);
    int timeout = listener_ && !may_accept ? kAcceptPauseMs : kForever;
    if (connection_ && connection_->must_be_polled()) {
      timeout = kPollIntervalMs;
    }
    if (::poll(watched.data(), watched.size(), has_more ? 0 : timeout) < 0 && errno != EINTR) {
      return failure(Errno{errno}, "cannot wait for the vhost-user front-end");
    }
    if (is_ready(watched[kStop])) {
      break;
    }
    if (is_ready(watched[kMailbox])) {
      connection_->on_mailbox();
    }
    if (is_ready(watched[kKick])) {
      connection_->on_kick();
    }
    has_more = connection_ && connection_->serve();
    if (is_ready(watched[kSocket])) {
      if (take_message() && options_.once) {
        break;
      }
      has_more = connection_ != nullptr;
    }
    if (is_ready(watched[kListener])) {
      accept();
    }
  }
  connection_.reset();
  return {};
}

}  // namespace nineroot::transport
