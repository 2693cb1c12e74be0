#include "vm/run_command.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cstdio>
#include <deque>
#include <fstream>

#include "base/log.h"
#include "vm/boot.h"
#include "vm/process.h"
#include "vm/runtime.h"

namespace nineroot::vm {
namespace {

// The agent has said hello already when the command is sent.
constexpr std::chrono::seconds kAgentPatience{60};
constexpr std::size_t kTailLines = 20;

// Signals to this process while it waits for the guest, read instead of obeyed.
class HeldSignals {
 public:
  HeldSignals() {
    ::sigemptyset(&signals_);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
      ::sigaddset(&signals_, signal);
    }
    ::pthread_sigmask(SIG_BLOCK, &signals_, &before_);
    fd_.reset(::signalfd(-1, &signals_, SFD_CLOEXEC | SFD_NONBLOCK));
  }

  ~HeldSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;

  [[nodiscard]] int fd() const { return fd_.get(); }

  // The signal that came; 0 for none.
  [[nodiscard]] int take() const {
    signalfd_siginfo info{};
    return ::read(fd_.get(), &info, sizeof info) == sizeof info ? static_cast<int>(info.ssi_signo)
                                                                : 0;
  }

 private:
  sigset_t signals_{};
  sigset_t before_{};
  UniqueFd fd_;
};

struct Booted {
  bool is_ready = false;
  int signal = 0;
};

// Until the guest's agent is there, the machine has ended, or somebody interrupts us.
Booted wait_for_guest(int ready_fd) {
  const HeldSignals signals;
  for (;;) {
    pollfd fds[] = {{.fd = ready_fd, .events = POLLIN, .revents = 0},
                    {.fd = signals.fd(), .events = POLLIN, .revents = 0}};
    ::poll(fds, 2, -1);
    if (const int signal = signals.take()) {
      return {.is_ready = false, .signal = signal};
    }
    if (fds[0].revents != 0) {
      char c = 0;
      return {.is_ready = ::read(ready_fd, &c, 1) == 1, .signal = 0};
    }
  }
}

// The end of the console, for a person who did not see it: without what steers terminals.
void print_console_tail(const std::filesystem::path& log) {
  std::deque<std::string> lines;
  std::ifstream stream(log);
  for (std::string line; std::getline(stream, line);) {
    std::erase_if(line, [](char c) { return c != '\t' && (c < ' ' || c > '~'); });
    lines.push_back(std::move(line));
    if (lines.size() > kTailLines) {
      lines.pop_front();
    }
  }
  for (const std::string& line : lines) {
    fmt::print(stderr, "console: {}\n", line);
  }
}

int boot_in_background(const Machine& machine, const BootOptions& options) {
  const Outcome<int> ended = boot(machine, options);
  if (!ended) {
    std::fputs(ended.error().text().c_str(), stderr);
    return 1;
  }
  return *ended;
}

}  // namespace

Outcome<int> run_in_booted(const Machine& machine, const BootOptions& options,
                           const ExecRequest& request) {
  const TreeUse use = TRY(tree_use(machine, options));
  const RuntimePaths paths = RuntimePaths::of(machine);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return failure(Errno{errno}, "cannot make a pipe");
  }
  const UniqueFd ready(ends[0]);
  UniqueFd tell_ready(ends[1]);
  {
    // Says at once if it runs already; the process below takes the lock for itself.
    const RuntimeLock lock = TRY(RuntimeLock::acquire(machine, use));
    std::error_code ignored;
    std::filesystem::remove(paths.console_log(), ignored);
  }
  BootOptions quiet = options;
  quiet.console_log = paths.console_log();
  quiet.ready_fd = tell_ready.get();
  Process machine_process = TRY(Process::fork([&] { return boot_in_background(machine, quiet); }));
  tell_ready.reset();
  const Booted booted = wait_for_guest(ready.get());
  if (booted.signal != 0) {
    machine_process.send(SIGTERM);
    machine_process.wait();
    return 128 + booted.signal;
  }
  if (!booted.is_ready) {
    machine_process.wait();
    std::error_code error;
    if (!std::filesystem::exists(paths.console_log(), error)) {
      return 1;  // It did not come so far, and has said why.
    }
    print_console_tail(paths.console_log());
    return std::unexpected(
        Failure(fmt::format("{} did not boot", machine.name))
            .with_hint(fmt::format("all of its console is in {}", paths.console_log().string())));
  }
  Outcome<int> status = exec_in_guest(paths.control_socket(), request, kAgentPatience);
  machine_process.send(SIGTERM);
  const ExitStatus ended = machine_process.wait();
  if (status && !ended.is_success()) {
    log::error("{} did not end well; its console is in {}", machine.name,
               paths.console_log().string());
    return *status == 0 ? 1 : *status;
  }
  return status;
}

}  // namespace nineroot::vm
