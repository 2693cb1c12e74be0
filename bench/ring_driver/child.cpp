#include "bench/ring_driver/child.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <ctime>
#include <stdexcept>
#include <system_error>
#include <thread>

namespace nineroot::bench {
namespace {

constexpr std::chrono::milliseconds kPause(10);
constexpr int kPatience = 500;  ///< Times kPause, to end.
constexpr int kStartPatience = 2000;

}  // namespace

Child::Child(const std::vector<std::string>& command) {
  std::vector<char*> words;
  for (const std::string& word : command) {
    words.push_back(const_cast<char*>(word.c_str()));
  }
  words.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  const int error = ::posix_spawnp(&pid_, words[0], &actions, nullptr, words.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    throw std::system_error(error, std::generic_category(), command[0]);
  }
}

Child::~Child() {
  if (pid_ < 0) {
    return;
  }
  ::kill(pid_, SIGTERM);
  for (int i = 0; i < kPatience; ++i) {
    if (has_ended()) {
      return;
    }
    std::this_thread::sleep_for(kPause);
  }
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

std::uint64_t Child::cpu() const {
  clockid_t clock{};
  timespec time{};
  if (::clock_getcpuclockid(pid_, &clock) != 0 || ::clock_gettime(clock, &time) != 0) {
    throw std::runtime_error("the device's process is gone");
  }
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(time.tv_nsec);
}

bool Child::has_ended() {
  if (pid_ >= 0 && ::waitpid(pid_, nullptr, WNOHANG) == pid_) {
    pid_ = -1;
  }
  return pid_ < 0;
}

int connect_to(const std::string& path, Child& child) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    throw std::runtime_error("too long for a socket: " + path);
  }
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  for (int i = 0; i < kStartPatience && !child.has_ended(); ++i) {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
      return fd;
    }
    ::close(fd);
    std::this_thread::sleep_for(kPause);
  }
  throw std::runtime_error("nobody listens at " + path);
}

}  // namespace nineroot::bench
