#include "guest/guest_system.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "agent/child.h"
#include "guest/read_text.h"
#include "guest/refresher.h"

namespace nineroot::guest {
namespace {

constexpr std::chrono::milliseconds kBetweenQuestions{500};

// An init that is not systemd ends all processes, our helper too, long before this.
constexpr unsigned kPatienceWithInit = 60;

bool exists(const char* path) {
  return access(path, F_OK) == 0;
}

bool is_init_still_ours() {
  struct stat first{};
  struct stat self{};
  return stat("/proc/1/exe", &first) == 0 && stat("/proc/self/exe", &self) == 0 &&
         first.st_dev == self.st_dev && first.st_ino == self.st_ino;
}

bool is_init_systemd() {
  std::array<char, 4096> target{};
  const ssize_t size = readlink("/proc/1/exe", target.data(), target.size());
  return size > 0 &&
         std::string_view(target.data(), static_cast<std::size_t>(size)).ends_with("/systemd");
}

// Started by init=/bin/sh and the like: nobody is there to obey poweroff(8).
bool is_init_a_shell() {
  const std::string name = read_text("/proc/1/comm").value_or("");
  return name == "sh\n" || name == "bash\n" || name == "dash\n" || name == "ash\n";
}

bool runs_well(const char* program, const char* argument) {
  const Result<agent::Child> child =
      agent::start_child({.argv = argument != nullptr ? std::vector<std::string>{program, argument}
                                                      : std::vector<std::string>{program},
                          .environment = {},
                          .directory = "/",
                          .user = ""});
  int status = 0;
  return child && waitpid(child->pid, &status, 0) == child->pid && status == 0;
}

// Runs `body` in a process that is no child of ours; the result is readable to its standard output,
// and ends with it.  The guest's init reaps it: a dead child of the agent, which does not wait for
// children when it has nothing to do, would hold up systemd's shutdown by ten seconds.
UniqueFd start_orphan(void (*body)()) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
    return UniqueFd();
  }
  UniqueFd read_end(ends[0]);
  const UniqueFd write_end(ends[1]);
  const pid_t child = fork();
  if (child == 0) {
    if (fork() == 0) {
      signal(SIGPIPE, SIG_DFL);
      dup2(write_end.get(), STDOUT_FILENO);
      body();
    }
    _exit(0);
  }
  waitpid(child, nullptr, 0);
  return read_end;
}

void ask_whether_booted() {
  execlp("systemctl", "systemctl", "is-system-running", "--wait", nullptr);
  // Where there is no systemctl nobody will ever know more than that systemd runs.
  constexpr std::string_view kAnswer = "running\n";
  [[maybe_unused]] const ssize_t ignored = write(STDOUT_FILENO, kAnswer.data(), kAnswer.size());
}

void power_off_now() {
  if (is_init_systemd()) {
    if (runs_well("systemctl", "poweroff")) {
      _exit(0);
    }
  } else if (!is_init_a_shell() && runs_well("poweroff", nullptr)) {
    sleep(kPatienceWithInit);
  }
  sync();
  reboot(RB_POWER_OFF);
  _exit(1);
}

}  // namespace

std::string GuestSystem::boot_id() {
  std::string text = read_text("/proc/sys/kernel/random/boot_id").value_or("");
  return text.substr(0, text.find('\n'));
}

bool GuestSystem::has_booted() {
  if (has_booted_ || is_init_still_ours()) {
    return has_booted_;
  }
  if (!is_init_systemd()) {
    has_booted_ = true;
  } else if (question_.is_open()) {
    has_booted_ = take_answer();
  } else if (std::chrono::steady_clock::now() >= next_question_ && exists("/run/systemd/private")) {
    ask_systemd();
  }
  return has_booted_;
}

void GuestSystem::ask_systemd() {
  answer_.clear();
  question_ = start_orphan(ask_whether_booted);
  next_question_ = std::chrono::steady_clock::now() + kBetweenQuestions;
}

bool GuestSystem::take_answer() {
  std::array<char, 64> piece{};
  const ssize_t got = read(question_.get(), piece.data(), piece.size());
  if (got > 0) {
    answer_.append(piece.data(), static_cast<std::size_t>(got));
  }
  if (got != 0) {
    return false;
  }
  // Without an answer it was too early to ask.
  question_.reset();
  next_question_ = std::chrono::steady_clock::now() + kBetweenQuestions;
  return answer_ == "running\n" || answer_ == "degraded\n" || answer_ == "maintenance\n" ||
         answer_ == "stopping\n";
}

void GuestSystem::power_off() {
  char ignored = 0;
  if (power_off_.is_open() && read(power_off_.get(), &ignored, 1) < 0 && errno == EAGAIN) {
    return;
  }
  power_off_ = start_orphan(power_off_now);
}

int GuestSystem::refresh() {
  return refresh_guest();
}

}  // namespace nineroot::guest
