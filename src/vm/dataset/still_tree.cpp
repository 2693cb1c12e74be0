#include "vm/dataset/still_tree.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "vm/unix_socket.h"

namespace nineroot::vm {
namespace {

using std::chrono::milliseconds;

/// What the way to the server and back may take on top.
constexpr milliseconds kGrace{5000};

}  // namespace

Outcome<ServerGate> ServerGate::connect(const std::filesystem::path& control_socket) {
  Result<UniqueFd> socket = connect_unix(control_socket);
  if (!socket) {
    return std::unexpected(
        Failure(fmt::format("cannot reach the 9P server at {}", control_socket.string()),
                socket.error())
            .with_hint("a machine that was booted by an older nineroot has none: restart it"));
  }
  return ServerGate(std::move(*socket));
}

Outcome<void> ServerGate::ask(const std::string& line, std::string_view wanted,
                              milliseconds patience) const {
  const std::string bytes = line + "\n";
  if (::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) {
    return failure(Errno{errno}, "the 9P server has gone");
  }
  const auto deadline = std::chrono::steady_clock::now() + patience;
  std::string answer;
  while (!answer.ends_with('\n')) {
    const auto left =
        std::chrono::duration_cast<milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd readable{.fd = socket_.get(), .events = POLLIN, .revents = 0};
    char c = 0;
    if (left.count() <= 0 || ::poll(&readable, 1, static_cast<int>(left.count())) == 0) {
      return failure("the 9P server does not answer");
    }
    if (::read(socket_.get(), &c, 1) != 1) {
      return failure("the 9P server has gone");
    }
    answer += c;
  }
  answer.pop_back();
  if (answer == wanted) {
    return {};
  }
  if (answer == "timeout") {
    return std::unexpected(Failure("the 9P server did not come to rest in time, and goes on")
                               .with_hint("a disk below it is slow: try again, or see its log"));
  }
  return failure("the 9P server says: {}", answer);
}

Outcome<void> ServerGate::close(milliseconds patience) const {
  return ask(fmt::format("close {}", patience.count()), "closed", patience + kGrace);
}

Outcome<void> ServerGate::hold() const {
  return ask("hold", "held", kGrace);
}

Outcome<void> ServerGate::open() const {
  return ask("open", "opened", kGrace);
}

Outcome<StillTree> StillTree::prepare(const Machine& machine) {
  StillTree tree;
  tree.runs_ = find_runs(machine);
  if (tree.runs_.empty()) {
    // Fails if it was booted in this moment; then it runs, and the caller may try again.
    tree.lock_ = TRY(RuntimeLock::acquire(machine));
    return tree;
  }
  for (const Machine& run : tree.runs_) {
    ServerGate gate = TRY(ServerGate::connect(RuntimePaths::of(run).server_control()));
    tree.gates_.push_back(std::move(gate));
  }
  return tree;
}

Outcome<void> StillTree::stop(milliseconds patience) {
  stopped_at_ = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < gates_.size(); ++i) {
    if (const Outcome<void> closed = gates_[i].close(patience); !closed) {
      for (std::size_t j = 0; j < i; ++j) {
        [[maybe_unused]] const auto opened = gates_[j].open();
      }
      return std::unexpected(closed.error());
    }
  }
  return {};
}

Outcome<void> StillTree::go_on() {
  Outcome<void> result;
  for (const ServerGate& gate : gates_) {
    if (const Outcome<void> opened = gate.open(); !opened) {
      result = std::unexpected(opened.error());
    }
  }
  if (is_running()) {
    pause_ = std::chrono::duration_cast<std::chrono::microseconds>(
        std::chrono::steady_clock::now() - stopped_at_);
  }
  return result;
}

}  // namespace nineroot::vm
