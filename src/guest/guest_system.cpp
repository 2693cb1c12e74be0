#include "guest/guest_system.h"

#include <signal.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "guest/read_text.h"

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

[[noreturn]] void power_off_now() {
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
  } else if (question_.pid > 0) {
    has_booted_ = take_answer();
  } else if (std::chrono::steady_clock::now() >= next_question_ && exists("/run/systemd/private")) {
    ask_systemd();
  }
  return has_booted_;
}

void GuestSystem::ask_systemd() {
  Result<agent::Child> child =
      agent::start_child({.argv = {"systemctl", "is-system-running", "--wait"},
                          .environment = {},
                          .directory = "/",
                          .user = ""});
  next_question_ = std::chrono::steady_clock::now() + kBetweenQuestions;
  if (child) {
    question_ = std::move(*child);
  }
}

bool GuestSystem::take_answer() {
  int status = 0;
  if (waitpid(question_.pid, &status, WNOHANG) == 0) {
    return false;
  }
  std::array<char, 64> answer{};
  const ssize_t size = read(question_.out[0].get(), answer.data(), answer.size());
  question_ = agent::Child();
  next_question_ = std::chrono::steady_clock::now() + kBetweenQuestions;
  const std::string_view word(answer.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  return word.starts_with("running") || word.starts_with("degraded") ||
         word.starts_with("maintenance") || word.starts_with("stopping");
}

void GuestSystem::power_off() {
  if (power_off_ > 0 && waitpid(power_off_, nullptr, WNOHANG) == 0) {
    return;
  }
  power_off_ = fork();
  if (power_off_ == 0) {
    signal(SIGPIPE, SIG_DFL);
    power_off_now();
  }
}

}  // namespace nineroot::guest
