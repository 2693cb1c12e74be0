#include "vm/machine_run.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>

#include "base/log.h"
#include "vm/server_process.h"

namespace nineroot::vm {
namespace {

using std::chrono::seconds;

// QEMU greets in a second; a host that swaps may take longer.
constexpr seconds kQemuPatience{60};
// What QEMU has after its server went in order before that counts as a breakdown.
constexpr seconds kGrace{5};
// After this long a server that nobody uses any more is told to end, and then given time to write.
constexpr seconds kServerPatience{10};
constexpr seconds kServerLastPatience{300};

struct StreamPair {
  UniqueFd ours;
  UniqueFd theirs;
};

Outcome<StreamPair> make_stream() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return failure(Errno{errno}, "cannot make a socket");
  }
  return StreamPair{.ours = UniqueFd(ends[0]), .theirs = UniqueFd(ends[1])};
}

bool is_readable(int fd) {
  pollfd poll_fd{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&poll_fd, 1, 0) == 1;
}

}  // namespace

Outcome<MachineRun> MachineRun::start(const BootPlan& plan, const RuntimeLock& lock,
                                      Console& console) {
  const RuntimePaths& paths = lock.paths();
  Process server = TRY(start_server(plan.server, paths.server_log(), lock.fds()));
  StreamPair console_stream = TRY(make_stream());
  StreamPair qmp_stream = TRY(make_stream());
  const UniqueFd log(
      ::open(paths.qemu_log().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  QemuMachine machine = plan.machine;
  machine.console_fd = console_stream.theirs.get();
  machine.qmp_fd = qmp_stream.theirs.get();
  Process qemu = TRY(Process::spawn({.argv = qemu_command(machine),
                                     .standard_output = log.get(),
                                     .standard_error = log.get(),
                                     .inherited = {machine.console_fd, machine.qmp_fd},
                                     .death_signal = SIGTERM}));
  console_stream.theirs.reset();
  qmp_stream.theirs.reset();
  console.attach(std::move(console_stream.ours));
  console.panic_watch().forget();
  Outcome<Qmp> qmp = Qmp::open(std::move(qmp_stream.ours), kQemuPatience);
  if (!qmp) {
    qemu.send(SIGTERM);
    const ExitStatus status = qemu.wait();
    return std::unexpected(
        failure_with_log(fmt::format("QEMU does not start: it {}", status.text()), paths.qemu_log())
            .with_hint(fmt::format("its words are in {}", paths.qemu_log().string())));
  }
  MachineRun run(std::move(server), std::move(qemu), std::move(*qmp), paths);
  if (plan.has_agent) {
    run.link_ = TRY(AgentLink::start(paths.port_socket(), paths.control_socket()));
  }
  return run;
}

std::vector<pollfd> MachineRun::poll_fds() const {
  return {{.fd = qemu_.pidfd(), .events = POLLIN, .revents = 0},
          {.fd = server_ended_ ? -1 : server_.pidfd(), .events = POLLIN, .revents = 0},
          {.fd = qmp_.fd(), .events = POLLIN, .revents = 0}};
}

void MachineRun::take_events(Console& console) {
  const Result<std::vector<QmpEvent>> events = qmp_.receive();
  if (!events) {
    return;  // QEMU has closed it and is about to end.
  }
  for (const QmpEvent& event : *events) {
    if (event.name == "SHUTDOWN") {
      shutdown_reason_ = event.reason;
    }
    if (event.name != "RESET" && event.name != "SHUTDOWN") {
      continue;
    }
    // A kernel that panicked resets the machine, and would do so for ever.
    if (panic_.empty() && event.reason.starts_with("guest")) {
      panic_ = console.panic_watch().panic();
      if (!panic_.empty() && event.name == "RESET") {
        quit();
      }
    }
  }
}

Outcome<std::optional<RunEnd>> MachineRun::look(Console& console) {
  take_events(console);
  had_agent_ = had_agent_ || has_agent_connected();
  if (is_readable(qemu_.pidfd())) {
    return end_of_qemu(console);
  }
  if (server_ended_ || is_readable(server_.pidfd())) {
    return end_of_server();
  }
  return std::nullopt;
}

Outcome<std::optional<RunEnd>> MachineRun::end_of_qemu(Console& console) {
  take_events(console);
  console.drain();
  link_.reset();
  const ExitStatus status = qemu_.wait();
  TRY(wait_for_server());
  if (!panic_.empty()) {
    return failure("the guest's kernel died: {}", panic_);
  }
  if (const std::string& why = console.panic_watch().init_error(); !had_agent_ && !why.empty()) {
    return failure("the guest does not start: {}", why);
  }
  if (is_quitting_) {
    return RunEnd::quit;
  }
  if (!status.is_success()) {
    return std::unexpected(
        failure_with_log(fmt::format("QEMU {}", status.text()), paths_.qemu_log()));
  }
  if (shutdown_reason_ == "guest-reset") {
    return RunEnd::rebooted;
  }
  if (shutdown_reason_.starts_with("host")) {
    return failure("QEMU was ended from outside ({})", shutdown_reason_);
  }
  return RunEnd::powered_off;
}

Outcome<std::optional<RunEnd>> MachineRun::end_of_server() {
  const ExitStatus status = server_.wait();
  const auto now = std::chrono::steady_clock::now();
  if (!server_ended_) {
    server_ended_ = now;
  }
  // With status 0 it ended because QEMU let go of it, and QEMU is about to follow.
  if (status.is_success() && now - *server_ended_ < kGrace) {
    return std::nullopt;
  }
  TRY(stop_all());
  return std::unexpected(failure_with_log(
      fmt::format("the 9P server {} under the running guest, which was ended", status.text()),
      paths_.server_log()));
}

Outcome<void> MachineRun::wait_for_server() {
  std::optional<ExitStatus> status = server_.wait(kServerPatience);
  if (!status) {
    log::info("waiting for the 9P server to write everything to disk");
    server_.send(SIGTERM);
    status = server_.wait(kServerLastPatience);
  }
  if (!status) {
    return failure("the 9P server does not end; data of the guest may not be on disk");
  }
  if (!status->is_success()) {
    return std::unexpected(
        failure_with_log(fmt::format("the 9P server {} at the end of the machine", status->text()),
                         paths_.server_log()));
  }
  return {};
}

Outcome<void> MachineRun::stop_all() {
  link_.reset();
  quit();
  if (!qemu_.wait(kGrace)) {
    qemu_.send(SIGKILL);
    qemu_.wait();
  }
  return {};
}

void MachineRun::ask_to_power_off() {
  if (has_agent_connected() && link_->power_off()) {
    return;
  }
  if (!qmp_.send("system_powerdown")) {
    log::warn("QEMU does not take the request to power off");
  }
}

void MachineRun::quit() {
  is_quitting_ = true;
  if (!qmp_.send("quit")) {
    qemu_.send(SIGTERM);
  }
}

}  // namespace nineroot::vm
