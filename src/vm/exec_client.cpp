// exec_in_guest() and power_off_guest(): the client's end of the control socket.
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <thread>

#include "vm/agent_link.h"
#include "vm/control_connection.h"
#include "vm/exec_streams.h"
#include "vm/raw_terminal.h"

namespace nineroot::vm {
namespace {

using std::chrono::steady_clock;

// The signals that the command gets in our place, and the two that we need to see ourselves.
class CommandSignals {
 public:
  CommandSignals() {
    ::sigemptyset(&set_);
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGPIPE}) {
      ::sigaddset(&set_, number);
    }
    ::pthread_sigmask(SIG_BLOCK, &set_, &before_);
    fd_.reset(::signalfd(-1, &set_, SFD_CLOEXEC | SFD_NONBLOCK));
  }

  ~CommandSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

  CommandSignals(const CommandSignals&) = delete;
  CommandSignals& operator=(const CommandSignals&) = delete;

  [[nodiscard]] int fd() const { return fd_.get(); }

  /// 0 for none.
  [[nodiscard]] int next() const {
    signalfd_siginfo info{};
    return ::read(fd_.get(), &info, sizeof(info)) == sizeof(info) ? static_cast<int>(info.ssi_signo)
                                                                  : 0;
  }

 private:
  sigset_t set_{};
  sigset_t before_{};
  UniqueFd fd_;
};

Outcome<ControlConnection> connect_in_time(const std::filesystem::path& control_socket,
                                           steady_clock::time_point deadline) {
  // The socket is made a moment after QEMU has started.
  for (;;) {
    Outcome<ControlConnection> connection = ControlConnection::open(control_socket);
    if (connection || steady_clock::now() >= deadline) {
      return connection;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

std::unexpected<Failure> no_agent(std::chrono::seconds patience) {
  return std::unexpected(
      Failure(fmt::format("the agent in the guest has not answered within {} s", patience.count()))
          .with_hint(
              "the guest may still be starting, or it was started with an initrd that leaves "
              "no agent; look at its console"));
}

// Exit status of this process for a signal that came while nothing runs in the guest yet; 0: none.
Outcome<int> wait_for_agent(ControlConnection& connection, const CommandSignals& signals,
                            steady_clock::time_point deadline, std::chrono::seconds patience) {
  connection.post(agent::Hello{.version = agent::kProtocolVersion, .session = 1, .boot_id = ""});
  for (;;) {
    while (const std::optional<agent::Message> message = connection.next()) {
      if (std::holds_alternative<agent::Hello>(*message)) {
        return 0;
      }
      if (const auto* refused = std::get_if<agent::Refused>(&*message)) {
        return failure("{}", refused->reason);
      }
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now());
    if (left.count() <= 0) {
      return no_agent(patience);
    }
    pollfd fds[] = {connection.wanted(), {.fd = signals.fd(), .events = POLLIN, .revents = 0}};
    ::poll(fds, 2, static_cast<int>(std::min<std::int64_t>(left.count(), 1000)));
    if (const int number = signals.next(); number != 0 && number != SIGWINCH) {
      return 128 + number;
    }
    TRY(connection.work());
  }
}

agent::Execute to_message(const ExecRequest& request) {
  const WindowSize size = window_size(STDIN_FILENO);
  return {.argv = request.argv,
          .environment = request.environment,
          .directory = request.directory,
          .user = request.user,
          .wants_tty = request.wants_tty,
          .waits_for_boot = request.waits_for_boot,
          .rows = size.rows,
          .columns = size.columns};
}

void pass_on(int number, ControlConnection& connection) {
  if (number == SIGWINCH) {
    const WindowSize size = window_size(STDIN_FILENO);
    connection.post(agent::Resize{.rows = size.rows, .columns = size.columns});
  } else if (number != 0 && number != SIGPIPE) {
    connection.post(agent::Signal{.number = static_cast<std::uint8_t>(number)});
  }
}

Outcome<int> run_command(ControlConnection& connection, const CommandSignals& signals) {
  ExecStreams streams(connection);
  for (;;) {
    while (const std::optional<agent::Message> message = connection.next()) {
      TRY(streams.take(*message));
    }
    if (const std::optional<int> status = streams.status()) {
      return *status;
    }
    std::vector<pollfd> fds = {connection.wanted(),
                               {.fd = signals.fd(), .events = POLLIN, .revents = 0}};
    streams.add_descriptors(fds);
    ::poll(fds.data(), fds.size(), -1);
    streams.work(fds);
    for (int number = signals.next(); number != 0; number = signals.next()) {
      pass_on(number, connection);
    }
    if (!streams.has_ended()) {
      TRY(connection.work());
    }
  }
}

}  // namespace

Outcome<int> exec_in_guest(const std::filesystem::path& control_socket, const ExecRequest& request,
                           std::chrono::seconds patience) {
  const steady_clock::time_point deadline = steady_clock::now() + patience;
  agent::Execute command = to_message(request);
  if (agent::encode({0, command}).size() > agent::kMaxFrame) {
    return std::unexpected(
        Failure(fmt::format("the command and its environment are longer than {} bytes together",
                            agent::kMaxFrame))
            .as_usage());
  }
  const CommandSignals signals;
  ControlConnection connection = TRY(connect_in_time(control_socket, deadline));
  const int interrupted = TRY(wait_for_agent(connection, signals, deadline, patience));
  if (interrupted != 0) {
    return interrupted;
  }
  std::optional<RawTerminal> terminal;
  if (request.wants_tty) {
    terminal.emplace(STDIN_FILENO);
  }
  connection.post(std::move(command));
  return run_command(connection, signals);
}

Outcome<void> power_off_guest(const std::filesystem::path& control_socket) {
  ControlConnection connection = TRY(ControlConnection::open(control_socket));
  connection.post(agent::PowerOff{});
  for (;;) {
    while (const std::optional<agent::Message> message = connection.next()) {
      if (const auto* refused = std::get_if<agent::Refused>(&*message)) {
        return failure("{}", refused->reason);
      }
      if (std::holds_alternative<agent::Exited>(*message)) {
        return {};
      }
    }
    pollfd wanted = connection.wanted();
    ::poll(&wanted, 1, -1);
    TRY(connection.work());
  }
}

}  // namespace nineroot::vm
