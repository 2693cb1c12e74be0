#include "guest/agent_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <string>

#include "agent/message.h"
#include "agent/server.h"
#include "base/unique_fd.h"
#include "guest/guest_system.h"
#include "guest/read_text.h"
#include "guest/report.h"

namespace nineroot::guest {
namespace {

constexpr useconds_t kBetweenLooks = 200'000;

// udev's names in /dev/virtio-ports are not there without udev.
std::string find_port() {
  const std::string ports = "/sys/class/virtio-ports/";
  for (const std::string& port : names_in(ports)) {
    const std::string name = read_text(ports + port + "/name").value_or("");
    if (name.substr(0, name.find('\n')) == agent::kPortName) {
      return "/dev/" + port;
    }
  }
  return "";
}

UniqueFd wait_for_port() {
  for (;;) {
    const std::string path = find_port();
    if (!path.empty()) {
      UniqueFd port(open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
      if (port.is_open()) {
        return port;
      }
    }
    usleep(kBetweenLooks);
  }
}

// False when the port itself is gone.  poll() cannot wait for the host's end to be opened: it
// reports at once that it is closed.
bool wait_for_host(int port) {
  for (;;) {
    pollfd state{.fd = port, .events = POLLOUT, .revents = 0};
    poll(&state, 1, -1);
    if ((state.revents & (POLLERR | POLLNVAL)) != 0) {
      return false;
    }
    if ((state.revents & POLLHUP) == 0) {
      return true;
    }
    usleep(kBetweenLooks);
  }
}

void leave_the_console() {
  setsid();
  const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    dup2(nothing, standard);
  }
}

void ask_to_be_spared() {
  const UniqueFd score(open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
  if (score.is_open()) {
    [[maybe_unused]] const ssize_t ignored = write(score.get(), "-1000", 5);
  }
  signal(SIGPIPE, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
}

}  // namespace

void start_agent(int program) {
  const pid_t child = fork();
  if (child < 0) {
    say("warning: cannot start the agent: " + error_text(errno));
  }
  if (child != 0) {
    return;
  }
  std::string name = kAgentName;
  std::array<char*, 2> arguments = {name.data(), nullptr};
  std::array<char*, 1> environment = {nullptr};
  execveat(program, "", arguments.data(), environment.data(), AT_EMPTY_PATH);
  say("warning: cannot start the agent: " + error_text(errno));
  _exit(1);
}

void run_agent() {
  // The kernel named it after the descriptor that it was started from.
  prctl(PR_SET_NAME, "nineroot-agent");
  leave_the_console();
  ask_to_be_spared();
  GuestSystem system;
  agent::Server server(system);
  for (;;) {
    const UniqueFd port = wait_for_port();
    while (wait_for_host(port.get())) {
      server.serve(port.get());
    }
  }
}

}  // namespace nineroot::guest
