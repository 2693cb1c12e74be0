#include "vm/stop.h"

#include <signal.h>

#include <thread>

#include "vm/runtime.h"

namespace nineroot::vm {
namespace {

constexpr std::chrono::milliseconds kStep{50};

bool wait_until_stopped(const Machine& machine, std::chrono::seconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (is_running(machine)) {
    if (std::chrono::steady_clock::now() >= deadline) {
      return false;
    }
    std::this_thread::sleep_for(kStep);
  }
  return true;
}

// A machine that starts has a lock before it has a state.
std::optional<RunningState> wait_for_state(const Machine& machine, std::chrono::seconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    std::optional<RunningState> state = find_running(machine);
    if (!state || state->owner.pid > 0 || std::chrono::steady_clock::now() >= deadline) {
      return state;
    }
    std::this_thread::sleep_for(kStep);
  }
}

Outcome<bool> end(const Machine& machine, std::chrono::seconds timeout, bool is_forced) {
  const std::optional<RunningState> state = wait_for_state(machine, timeout);
  if (!state) {
    if (!find_runs(machine).empty()) {
      return std::unexpected(not_running(machine, ""));
    }
    return false;
  }
  if (state->owner.pid <= 0) {
    return std::unexpected(
        Failure(fmt::format("{} is locked by a process that does not say who it is", machine.name))
            .with_hint(fmt::format("see who holds {}", RuntimePaths::of(machine).lock().string())));
  }
  const Result<void> sent =
      is_forced ? send_signal(state->qemu, SIGKILL) : send_signal(state->owner, SIGUSR1);
  if (!sent && code(sent.error()) != ESRCH) {
    return failure(sent.error(), "cannot signal the process that runs {}", machine.name);
  }
  if (!wait_until_stopped(machine, timeout)) {
    Failure why(fmt::format("{} still runs after {} seconds", machine.name, timeout.count()));
    return std::unexpected(std::move(why).with_hint(
        is_forced
            ? fmt::format("its 9P server (process {}) may still be writing", state->server.pid)
            : fmt::format("give it longer (--timeout), or end it: nineroot stop --force {}",
                          machine.words())));
  }
  return true;
}

}  // namespace

Outcome<bool> stop_machine(const Machine& machine, std::chrono::seconds timeout) {
  return end(machine, timeout, false);
}

Outcome<bool> kill_machine(const Machine& machine, std::chrono::seconds timeout) {
  return end(machine, timeout, true);
}

}  // namespace nineroot::vm
