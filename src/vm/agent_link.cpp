#include "vm/agent_link.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <thread>

#include "base/mailbox.h"
#include "vm/agent_switchboard.h"
#include "vm/unix_socket.h"

namespace nineroot::vm {
namespace {

// With more than this waiting for a guest that does not read, clients are not read either.
constexpr std::size_t kToAgentLimit = 256 * 1024;
constexpr std::size_t kMaxClients = 128;

enum class Io { ok, closed };

template <class Take>
Io read_some(int fd, Take take) {
  std::array<char, 32768> piece;
  const ssize_t got = ::recv(fd, piece.data(), piece.size(), MSG_DONTWAIT);
  if (got > 0) {
    take(std::string_view(piece.data(), static_cast<std::size_t>(got)));
    return Io::ok;
  }
  return got < 0 && (errno == EAGAIN || errno == EINTR) ? Io::ok : Io::closed;
}

Io write_some(int fd, std::string& bytes) {
  if (bytes.empty()) {
    return Io::ok;
  }
  const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent >= 0) {
    bytes.erase(0, static_cast<std::size_t>(sent));
    return Io::ok;
  }
  return errno == EAGAIN || errno == EINTR ? Io::ok : Io::closed;
}

short events(bool reads, const std::string& outgoing) {
  const int wanted = (reads ? POLLIN : 0) | (outgoing.empty() ? 0 : POLLOUT);
  return static_cast<short>(wanted);
}

// The link with its thread; all but is_connected() and power_off() happens on that.
class RunningLink final : public AgentLink {
 public:
  RunningLink(UniqueFd port, UniqueFd listener, std::filesystem::path control_socket)
      : port_(std::move(port)),
        listener_(std::move(listener)),
        control_socket_(std::move(control_socket)),
        thread_([this] { run(); }) {}

  RunningLink(const RunningLink&) = delete;
  RunningLink& operator=(const RunningLink&) = delete;

  ~RunningLink() override {
    mailbox_.post([this] { is_stopping_ = true; });
    thread_.join();
    ::unlink(control_socket_.c_str());
  }

  [[nodiscard]] bool is_connected() const override { return switchboard_.is_connected(); }

  Outcome<void> power_off() override {
    if (!is_connected()) {
      return failure("the agent in the guest is not there");
    }
    mailbox_.post([this] { switchboard_.power_off(); });
    return {};
  }

 private:
  void run() {
    while (!is_stopping_) {
      wait();
      mailbox_.run();
      serve_port();
      accept_client();
      serve_clients();
    }
    // Those that wait for the guest are told why they wait no longer.
    switchboard_.lose_agent();
    serve_clients();
  }

  void wait() {
    const bool has_room = switchboard_.to_agent().size() < kToAgentLimit;
    std::vector<pollfd> fds = {{.fd = mailbox_.fd(), .events = POLLIN, .revents = 0},
                               {.fd = listener_.get(), .events = POLLIN, .revents = 0}};
    if (port_.is_open()) {
      fds.push_back(
          {.fd = port_.get(), .events = events(has_room, switchboard_.to_agent()), .revents = 0});
    }
    for (const AgentClient& client : switchboard_.clients()) {
      fds.push_back(
          {.fd = client.socket.get(), .events = events(has_room, client.outgoing), .revents = 0});
    }
    ::poll(fds.data(), fds.size(), -1);
  }

  void serve_port() {
    if (!port_.is_open()) {
      return;
    }
    Io state = Io::ok;
    if (switchboard_.to_agent().size() < kToAgentLimit) {
      state = read_some(port_.get(),
                        [this](std::string_view bytes) { switchboard_.feed_from_agent(bytes); });
    }
    if (state == Io::ok) {
      state = write_some(port_.get(), switchboard_.to_agent());
    }
    if (state == Io::closed) {
      port_.reset();
      switchboard_.lose_agent();
    }
  }

  void accept_client() {
    UniqueFd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket.is_open() || switchboard_.clients().size() >= kMaxClients) {
      return;
    }
    switchboard_.clients().emplace_back().socket = std::move(socket);
    if (!port_.is_open()) {
      switchboard_.lose_agent();
    }
  }

  void serve_clients() {
    std::erase_if(switchboard_.clients(), [this](AgentClient& client) {
      if (serve(client) == Io::closed) {
        switchboard_.lose(client);
        return true;
      }
      return client.is_done && client.outgoing.empty();
    });
  }

  Io serve(AgentClient& client) {
    pollfd state{.fd = client.socket.get(), .events = 0, .revents = 0};
    ::poll(&state, 1, 0);
    if ((state.revents & (POLLHUP | POLLERR)) != 0) {
      return Io::closed;
    }
    if (switchboard_.to_agent().size() < kToAgentLimit) {
      const Io read = read_some(client.socket.get(), [this, &client](std::string_view bytes) {
        switchboard_.feed_from_client(client, bytes);
      });
      if (read == Io::closed) {
        return read;
      }
    }
    return write_some(client.socket.get(), client.outgoing);
  }

  UniqueFd port_;
  UniqueFd listener_;
  std::filesystem::path control_socket_;
  AgentSwitchboard switchboard_;
  Mailbox mailbox_;
  bool is_stopping_ = false;
  std::thread thread_;  ///< The last member: it uses all others.
};

}  // namespace

Outcome<std::unique_ptr<AgentLink>> AgentLink::start(const std::filesystem::path& port_socket,
                                                     const std::filesystem::path& control_socket) {
  UniqueFd port = TRY(context(connect_unix(port_socket),
                              fmt::format("cannot reach QEMU at {}", port_socket.string())));
  UniqueFd listener = TRY(context(listen_unix(control_socket),
                                  fmt::format("cannot listen at {}", control_socket.string())));
  ::fcntl(listener.get(), F_SETFL, O_NONBLOCK);
  // The new thread inherits an empty set of signals: they are for the threads that wait for them.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  auto link = std::make_unique<RunningLink>(std::move(port), std::move(listener), control_socket);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return link;
}

}  // namespace nineroot::vm
