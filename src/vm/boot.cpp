#include "vm/boot.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/log.h"
#include "vm/boot_plan.h"
#include "vm/console.h"
#include "vm/dataset/pending_change.h"
#include "vm/dataset/storage_use.h"
#include "vm/machine_run.h"
#include "vm/runtime.h"
#include "vm/timestamp.h"

namespace nineroot::vm {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::seconds;

// systemd gives its units 90 seconds to stop.
constexpr seconds kPowerOffPatience{90};
constexpr seconds kQuitPatience{10};
constexpr int kTickMs = 200;
// A guest that was reset so often without its agent coming up will not come up.
constexpr int kMostResets = 3;

Outcome<UniqueFd> catch_signals() {
  sigset_t signals;
  ::sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) {
    ::sigaddset(&signals, signal);
  }
  if (::pthread_sigmask(SIG_BLOCK, &signals, nullptr) != 0) {
    return failure("cannot block signals");
  }
  UniqueFd fd(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd.is_open()) {
    return failure(Errno{errno}, "cannot catch signals");
  }
  return fd;
}

// One boot: its runs, and what people want of it meanwhile.
class Boot {
 public:
  Boot(const BootPlan& plan, const BootOptions& options, const RuntimeLock& lock, Console console,
       UniqueFd signals)
      : plan_(plan),
        lock_(lock),
        console_(std::move(console)),
        signals_(std::move(signals)),
        ready_(options.ready_fd) {}

  Outcome<int> run();

 private:
  Outcome<RunEnd> run_once(MachineRun& run);
  Outcome<void> publish(const MachineRun& run) const;
  void take_signals(MachineRun& run);
  void shut_down(MachineRun& run, bool is_bounded);
  void quit(MachineRun& run);
  void keep_deadlines(MachineRun& run);
  void tell_ready(const MachineRun& run);

  const BootPlan& plan_;
  const RuntimeLock& lock_;
  Console console_;
  UniqueFd signals_;
  UniqueFd ready_;
  int unready_runs_ = 0;
  bool was_ready_ = false;
  bool is_ending_ = false;
  std::optional<Clock::time_point> quit_at_;
  std::optional<Clock::time_point> kill_at_;
};

Outcome<int> Boot::run() {
  for (;;) {
    MachineRun run = TRY(MachineRun::start(plan_, lock_, console_));
    TRY(publish(run));
    was_ready_ = false;
    const RunEnd end = TRY(run_once(run));
    if (end != RunEnd::rebooted || !plan_.restarts_at_reboot || is_ending_) {
      return 0;
    }
    unready_runs_ = was_ready_ ? 0 : unready_runs_ + 1;
    if (plan_.has_agent && unready_runs_ >= kMostResets) {
      return failure("the guest resets again and again before it has booted");
    }
  }
}

Outcome<RunEnd> Boot::run_once(MachineRun& run) {
  for (;;) {
    std::vector<pollfd> fds = run.poll_fds();
    const std::size_t console_at = fds.size();
    for (const pollfd& fd : console_.poll_fds()) {
      fds.push_back(fd);
    }
    fds.push_back({.fd = signals_.get(), .events = POLLIN, .revents = 0});
    ::poll(fds.data(), fds.size(), kTickMs);
    switch (console_.move({fds[console_at], fds[console_at + 1], fds[console_at + 2]})) {
      case ConsoleRequest::quit:
        quit(run);
        break;
      case ConsoleRequest::shut_down:
        shut_down(run, false);
        break;
      case ConsoleRequest::nothing:
        break;
    }
    take_signals(run);
    keep_deadlines(run);
    tell_ready(run);
    const std::optional<RunEnd> end = TRY(run.look(console_));
    if (end) {
      return *end;
    }
  }
}

void Boot::take_signals(MachineRun& run) {
  signalfd_siginfo info{};
  while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
    if (info.ssi_signo == SIGUSR1) {
      shut_down(run, false);
    } else if (quit_at_) {
      quit(run);
    } else {
      shut_down(run, true);
    }
  }
}

void Boot::shut_down(MachineRun& run, bool is_bounded) {
  is_ending_ = true;
  if (is_bounded) {
    quit_at_ = Clock::now() + kPowerOffPatience;
    console_.say("nineroot: the guest was asked to power off; a second signal ends it at once");
  }
  run.ask_to_power_off();
}

void Boot::quit(MachineRun& run) {
  is_ending_ = true;
  run.quit();
  quit_at_.reset();
  kill_at_ = Clock::now() + kQuitPatience;
}

void Boot::keep_deadlines(MachineRun& run) {
  const Clock::time_point now = Clock::now();
  if (quit_at_ && now >= *quit_at_) {
    log::warn("the guest did not power off in {} seconds and is ended", kPowerOffPatience.count());
    quit(run);
  }
  if (kill_at_ && now >= *kill_at_) {
    kill_at_.reset();
    run.qemu().send(SIGKILL);
  }
}

void Boot::tell_ready(const MachineRun& run) {
  if (!run.has_agent_connected()) {
    return;
  }
  was_ready_ = true;
  if (ready_.is_open()) {
    constexpr std::string_view kLine = "ready\n";
    if (::write(ready_.get(), kLine.data(), kLine.size()) < 0) {
      log::debug("nobody waits for the guest to be ready");
    }
    ready_.reset();
  }
}

Outcome<void> Boot::publish(const MachineRun& run) const {
  const auto identity = [](pid_t pid) {
    return ProcessIdentity::of(pid).value_or(ProcessIdentity{.pid = pid, .start_time = 0});
  };
  return lock_.publish(
      {.owner = identity(::getpid()),
       .qemu = identity(run.qemu().pid()),
       .server = identity(run.server().pid()),
       .memory_mib = plan_.settings.memory_mib,
       .cpus = plan_.settings.cpus,
       .accelerator = plan_.machine.accelerator == Accelerator::kvm ? "kvm" : "tcg",
       .transport = plan_.transport_name(),
       .qemu_version = plan_.qemu.version.text(),
       .kernel = plan_.kernel.release,
       .started = now_text()});
}

/// No guest ever sees a tree in the middle of a rollback.
Outcome<void> finish_what_is_pending(const Machine& machine) {
  if (machine.is_bare_tree() || pending_operation(machine.directory).empty()) {
    return {};
  }
  TRY(StorageUse::begin(machine));
  return {};
}

void announce(const BootPlan& plan, const Machine& machine, const Console& console) {
  const bool is_tcg = plan.machine.accelerator == Accelerator::tcg;
  std::string line = fmt::format(
      "nineroot: {}: Linux {}, {} MiB, {} CPUs, QEMU {} ({}{}), {}", machine.name,
      plan.kernel.release, plan.settings.memory_mib, plan.settings.cpus, plan.qemu.version.text(),
      is_tcg ? "emulated: " : "KVM", plan.accelerator.reason, plan.transport_name());
  if (console.has_terminal()) {
    line += "; Ctrl-A h helps";
  }
  console.say(line);
}

}  // namespace

Outcome<int> boot(const Machine& machine, const BootOptions& options) {
  const TreeUse use = TRY(tree_use(machine, options));
  const RuntimeLock lock = TRY(RuntimeLock::acquire(machine, use));
  TRY(finish_what_is_pending(machine));
  const BootPlan plan = TRY(plan_boot(machine, options, lock.paths()));
  UniqueFd signals = TRY(catch_signals());
  Console console = TRY(Console::open(options.console_log));
  if (options.console_log.empty()) {
    announce(plan, machine, console);
  }
  Boot boot(plan, options, lock, std::move(console), std::move(signals));
  return boot.run();
}

}  // namespace nineroot::vm
