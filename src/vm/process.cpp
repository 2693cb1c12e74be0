#include "vm/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

namespace nineroot::vm {
namespace {

// glibc 2.36 has no wrappers for these two.
int open_pidfd(pid_t pid) {
  return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
}

int signal_pidfd(int pidfd, int signal) {
  return static_cast<int>(::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0));
}

ExitStatus from_wait_status(int status) {
  if (WIFSIGNALED(status)) {
    return {.code = 0, .signal = WTERMSIG(status)};
  }
  return {.code = WEXITSTATUS(status), .signal = 0};
}

// From here to exec nothing may allocate or lock: the parent may have other threads.
[[noreturn]] void run_child(const SpawnRequest& request, char* const* argv, int null_fd,
                            int error_pipe, pid_t parent) {
  const auto give_up = [error_pipe] {
    const int error = errno;
    if (::write(error_pipe, &error, sizeof error) < 0) {
      ::_exit(126);
    }
    ::_exit(127);
  };
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  if (request.has_own_group) {
    ::setpgid(0, 0);
  }
  if (request.death_signal != 0) {
    ::prctl(PR_SET_PDEATHSIG, request.death_signal);
    if (::getppid() != parent) {
      ::_exit(127);
    }
  }
  const int standard[] = {
      request.standard_input >= 0 ? request.standard_input : null_fd,
      request.standard_output >= 0 ? request.standard_output : STDOUT_FILENO,
      request.standard_error >= 0 ? request.standard_error : STDERR_FILENO,
  };
  // Twice duplicated, so that no target is overwritten before it was used as a source.
  int high[3];
  for (int i = 0; i < 3; ++i) {
    high[i] = ::fcntl(standard[i], F_DUPFD_CLOEXEC, 3);
    if (high[i] < 0) {
      give_up();
    }
  }
  for (int i = 0; i < 3; ++i) {
    if (::dup2(high[i], i) < 0) {
      give_up();
    }
  }
  for (const int fd : request.inherited) {
    if (::fcntl(fd, F_SETFD, 0) < 0) {
      give_up();
    }
  }
  ::execvp(argv[0], argv);
  give_up();
  ::_exit(127);
}

}  // namespace

std::string ExitStatus::text() const {
  if (signal != 0) {
    return fmt::format("was killed by signal {} ({})", signal, ::strsignal(signal));
  }
  return fmt::format("exited with status {}", code);
}

Outcome<Process> Process::spawn(const SpawnRequest& request) {
  std::vector<char*> argv;
  argv.reserve(request.argv.size() + 1);
  for (const std::string& word : request.argv) {
    argv.push_back(const_cast<char*>(word.c_str()));
  }
  argv.push_back(nullptr);
  const std::string what = "cannot start " + request.argv.front();
  int pipe_ends[2];
  if (::pipe2(pipe_ends, O_CLOEXEC) != 0) {
    return failure(Errno{errno}, "{}", what);
  }
  UniqueFd from_child(pipe_ends[0]);
  UniqueFd to_parent(pipe_ends[1]);
  UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null.is_open()) {
    return failure(Errno{errno}, "{}: cannot open /dev/null", what);
  }
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) {
    return failure(Errno{errno}, "{}", what);
  }
  if (pid == 0) {
    run_child(request, argv.data(), null.get(), to_parent.get(), parent);
  }
  to_parent.reset();
  Process process(pid, UniqueFd(open_pidfd(pid)));
  int error = 0;
  ssize_t got = 0;
  do {
    got = ::read(from_child.get(), &error, sizeof error);
  } while (got < 0 && errno == EINTR);
  if (got != 0) {
    process.wait();
    return failure(Errno{got == sizeof error ? error : EIO}, "{}", what);
  }
  if (!process.pidfd_.is_open()) {
    return failure(Errno{errno}, "{}: no pidfd", what);
  }
  return process;
}

Outcome<Process> Process::fork(const std::function<int()>& body) {
  const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) {
    return failure(Errno{errno}, "cannot start a process");
  }
  if (pid == 0) {
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != parent || ::dup2(null.get(), STDIN_FILENO) < 0) {
      ::_exit(127);
    }
    ::_exit(body());
  }
  Process process(pid, UniqueFd(open_pidfd(pid)));
  if (!process.pidfd_.is_open()) {
    return failure(Errno{errno}, "cannot start a process: no pidfd");
  }
  return process;
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::move(other.pidfd_)),
      ended_(std::exchange(other.ended_, std::nullopt)) {
}

Process& Process::operator=(Process&& other) noexcept {
  if (this != &other) {
    end();
    pid_ = std::exchange(other.pid_, -1);
    pidfd_ = std::move(other.pidfd_);
    ended_ = std::exchange(other.ended_, std::nullopt);
  }
  return *this;
}

Process::~Process() {
  end();
}

void Process::end() {
  if (pid_ > 0 && !ended_) {
    ::kill(pid_, SIGKILL);  // Not yet reaped, so the number is still its own.
    wait();
  }
}

std::optional<ExitStatus> Process::wait(std::chrono::milliseconds patience) {
  if (ended_) {
    return ended_;
  }
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    pollfd poll_fd{.fd = pidfd_.get(), .events = POLLIN, .revents = 0};
    const int ready =
        ::poll(&poll_fd, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if (ready > 0) {
      return wait();
    }
    if (ready == 0) {
      return std::nullopt;
    }
  }
}

ExitStatus Process::wait() {
  if (!ended_) {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    ended_ = from_wait_status(status);
  }
  return *ended_;
}

void Process::send(int signal) const {
  if (!ended_) {
    signal_pidfd(pidfd_.get(), signal);
  }
}

std::optional<ProcessIdentity> ProcessIdentity::of(pid_t pid) {
  std::ifstream stream(fmt::format("/proc/{}/stat", pid));
  std::string text;
  std::getline(stream, text, '\0');
  // The name in field 2 may hold anything, also ") ": fields are counted from its last ')'.
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) {
    return std::nullopt;
  }
  std::istringstream fields(text.substr(name_end + 1));
  std::string skipped;
  for (int field = 3; field < 22; ++field) {
    fields >> skipped;
  }
  ProcessIdentity identity{.pid = pid, .start_time = 0};
  if (!(fields >> identity.start_time)) {
    return std::nullopt;
  }
  return identity;
}

Result<void> send_signal(const ProcessIdentity& process, int signal) {
  const UniqueFd pidfd(open_pidfd(process.pid));
  if (!pidfd.is_open()) {
    return fail_errno();
  }
  // Only now is the number pinned, so only now does the comparison mean anything.
  const std::optional<ProcessIdentity> now = ProcessIdentity::of(process.pid);
  if (!now || now->start_time != process.start_time) {
    return fail(ESRCH);
  }
  if (signal_pidfd(pidfd.get(), signal) != 0) {
    return fail_errno();
  }
  return {};
}

Outcome<std::filesystem::path> self_executable() {
  std::error_code error;
  std::filesystem::path path = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) {
    return failure(Errno{error.value()}, "cannot find this program's own file");
  }
  return path;
}

}  // namespace nineroot::vm
