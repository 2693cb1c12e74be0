#include "transport/stream_transport.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <list>
#include <new>
#include <optional>
#include <system_error>
#include <thread>

#include <netdb.h>

#include "base/log_budget.h"
#include "transport/stream_connection.h"
#include "transport/unix_listener.h"

namespace nineroot::transport {
namespace {

/// Connections at once; each costs a thread and its buffers.
constexpr std::size_t kMaxConnections = 64;
constexpr int kAcceptPauseMs = 200;
constexpr unsigned kMaxWarnings = 8;

void set_option(int socket, int level, int option, int value) {
  // A Unix socket has no TCP options, and no harm is done without them.
  (void)::setsockopt(socket, level, option, &value, sizeof(value));
}

/// A client that sends no second request before the reply (Linux v9fs) must not wait for Nagle.
void tune(int socket) {
  set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
}

/// True if the client said anything.
bool serve_connection(UniqueFd socket, const wire::HandlerFactory& make_handler, int stop_fd,
                      LogBudget& log) {
  tune(socket.get());
  try {
    StreamConnection connection(std::move(socket), make_handler);
    const auto served = connection.run(stop_fd);
    if (!served) {
      log.warn("{}", served.error().what());
    }
    return connection.has_spoken();
  } catch (const std::system_error& error) {
    log.warn("a 9P client was turned away: {}", error.what());  // No descriptor for its mailbox.
  } catch (const std::bad_alloc&) {
    log.warn("a 9P client was turned away: out of memory");
  }
  return false;
}

/// Serves the one connection it was given.
class ConnectedStream final : public Transport {
 public:
  ConnectedStream(UniqueFd socket, wire::HandlerFactory make_handler)
      : socket_(std::move(socket)), make_handler_(std::move(make_handler)) {}

  Outcome<void> run(int stop_fd) override {
    serve_connection(std::move(socket_), make_handler_, stop_fd, log_);
    return {};
  }

 private:
  UniqueFd socket_;
  wire::HandlerFactory make_handler_;
  LogBudget log_{kMaxWarnings};
};

class ListeningStream final : public Transport {
 public:
  ListeningStream(UniqueFd socket, std::optional<UnixListener> listener, StreamOptions options,
                  wire::HandlerFactory make_handler)
      : socket_(std::move(socket)),
        unix_listener_(std::move(listener)),
        options_(options),
        make_handler_(std::move(make_handler)) {}

  Outcome<void> run(int stop_fd) override {
    while (true) {
      const bool has_room = connections_.size() < kMaxConnections;
      pollfd watched[] = {{.fd = stop_fd, .events = POLLIN, .revents = 0},
                          {.fd = has_room ? fd() : -1, .events = POLLIN, .revents = 0}};
      // Wakes now and then to bury threads whose connection has ended.
      if (::poll(watched, std::size(watched), connections_.empty() ? -1 : kAcceptPauseMs) < 0 &&
          errno != EINTR) {
        return failure(Errno{errno}, "cannot wait for 9P clients");
      }
      const bool has_finished = bury_finished();
      if (watched[0].revents != 0 || (options_.once && has_finished)) {
        return {};  // The threads see stop_fd too, and are joined as the list goes.
      }
      if (watched[1].revents != 0) {
        accept(stop_fd);
      }
    }
  }

 private:
  struct Connection {
    std::atomic<bool> has_spoken = false;
    std::atomic<bool> is_over = false;
    std::jthread thread;
  };

  [[nodiscard]] int fd() const { return unix_listener_ ? unix_listener_->fd() : socket_.get(); }

  void accept(int stop_fd) {
    UniqueFd peer(::accept4(fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!peer.is_open()) {
      if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
        log_.warn("cannot accept a 9P client: {}", describe(Errno{errno}));
        ::usleep(kAcceptPauseMs * 1000);
      }
      return;
    }
    Connection& connection = connections_.emplace_back();
    try {
      connection.thread =
          std::jthread([this, &connection, stop_fd, peer = std::move(peer)]() mutable {
            connection.has_spoken = serve_connection(std::move(peer), make_handler_, stop_fd, log_);
            connection.is_over = true;
          });
    } catch (const std::system_error& error) {
      log_.warn("a 9P client was turned away: {}", error.what());
      connections_.pop_back();
    }
  }

  /// True if one of them was a client: a look at whether somebody listens is none.
  bool bury_finished() {
    bool has_finished = false;
    connections_.remove_if([&](const Connection& connection) {
      if (!connection.is_over) {
        return false;
      }
      has_finished = has_finished || connection.has_spoken;
      return true;
    });
    return has_finished;
  }

  UniqueFd socket_;
  std::optional<UnixListener> unix_listener_;
  StreamOptions options_;
  wire::HandlerFactory make_handler_;
  LogBudget log_{kMaxWarnings};  ///< Before the connections, whose threads use it.
  std::list<Connection> connections_;
};

Outcome<UniqueFd> bind_tcp(const std::string& host, const std::string& port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found); error != 0) {
    return std::unexpected(
        Failure(fmt::format("'{}' port '{}' is no address: {}", host, port, ::gai_strerror(error)))
            .as_usage());
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, &::freeaddrinfo);
  UniqueFd socket(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.is_open()) {
    return failure(Errno{errno}, "cannot make a TCP socket");
  }
  set_option(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (::bind(socket.get(), found->ai_addr, found->ai_addrlen) < 0 ||
      ::listen(socket.get(), SOMAXCONN) < 0) {
    return failure(Errno{errno}, "cannot listen at {} port {}", host, port);
  }
  return socket;
}

std::unexpected<Failure> bad_address(const std::string& address) {
  return std::unexpected(Failure(fmt::format("'{}' is no address to listen at", address))
                             .with_hint("say unix:PATH or tcp:HOST:PORT")
                             .as_usage());
}

}  // namespace

Outcome<std::unique_ptr<Transport>> listen_stream(const std::string& address, StreamOptions options,
                                                  wire::HandlerFactory make_handler) {
  if (address.starts_with("unix:") && address.size() > 5) {
    auto listener = TRY(UnixListener::bind(address.substr(5)));
    return std::make_unique<ListeningStream>(UniqueFd(), std::move(listener), options,
                                             std::move(make_handler));
  }
  const std::size_t colon = address.rfind(':');
  if (!address.starts_with("tcp:") || colon <= 4 || colon + 1 == address.size()) {
    return bad_address(address);
  }
  std::string host = address.substr(4, colon - 4);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  UniqueFd socket = TRY(bind_tcp(host, address.substr(colon + 1)));
  return std::make_unique<ListeningStream>(std::move(socket), std::nullopt, options,
                                           std::move(make_handler));
}

Outcome<std::unique_ptr<Transport>> adopt_stream(UniqueFd socket, StreamOptions options,
                                                 wire::HandlerFactory make_handler) {
  int is_listening = 0;
  socklen_t size = sizeof(is_listening);
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &size) < 0) {
    const Errno error{errno};
    return std::unexpected(
        Failure(fmt::format("descriptor {} is no stream socket", socket.get()), error)
            .with_hint("pass --fd the number of an open, inherited socket")
            .as_usage());
  }
  if (is_listening != 0) {
    return std::make_unique<ListeningStream>(std::move(socket), std::nullopt, options,
                                             std::move(make_handler));
  }
  return std::make_unique<ConnectedStream>(std::move(socket), std::move(make_handler));
}

}  // namespace nineroot::transport
