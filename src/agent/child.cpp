#include "agent/child.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

#include "agent/account.h"
#include "agent/environment.h"
#include "agent/text_file.h"

namespace nineroot::agent {
namespace {

constexpr int kNotExecutable = 126;
constexpr int kNotThere = 127;

// The child's own ends.
struct Ends {
  UniqueFd input;
  UniqueFd output;
  UniqueFd error;
};

Result<void> make_pipe(UniqueFd& read_end, UniqueFd& write_end) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    return fail_errno();
  }
  read_end.reset(ends[0]);
  write_end.reset(ends[1]);
  return {};
}

Result<void> make_pipes(Child& child, Ends& ends) {
  TRY(make_pipe(ends.input, child.input));
  TRY(make_pipe(child.out[0], ends.output));
  TRY(make_pipe(child.out[1], ends.error));
  return {};
}

Result<UniqueFd> duplicate(int fd) {
  UniqueFd copy(fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!copy.is_open()) {
    return fail_errno();
  }
  return copy;
}

Result<void> make_terminal(const Execute& request, Child& child, Ends& ends) {
  UniqueFd master(open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC));
  const int unlocked = 0;
  if (!master.is_open() || ioctl(master.get(), TIOCSPTLCK, &unlocked) != 0) {
    return fail_errno();
  }
  const winsize size{
      .ws_row = request.rows, .ws_col = request.columns, .ws_xpixel = 0, .ws_ypixel = 0};
  ioctl(master.get(), TIOCSWINSZ, &size);
  // By descriptor: the path of the other end depends on where devpts is mounted.
  ends.input.reset(ioctl(master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!ends.input.is_open()) {
    return fail_errno();
  }
  ends.output = TRY(duplicate(ends.input.get()));
  ends.error = TRY(duplicate(ends.input.get()));
  child.input = TRY(duplicate(master.get()));
  child.out[0] = std::move(master);
  return {};
}

[[noreturn]] void refuse(const std::string& what, int error, int status) {
  std::string line = "nineroot: " + what;
  if (error != 0) {
    line += std::string(": ") + strerrordesc_np(error);
  }
  line += '\n';
  [[maybe_unused]] const ssize_t ignored = write(STDERR_FILENO, line.data(), line.size());
  _exit(status);
}

// What a session of one's own has that the agent's has not.
void reset_process(bool has_terminal) {
  setsid();
  if (has_terminal) {
    ioctl(STDIN_FILENO, TIOCSCTTY, 0);
  }
  for (int number = 1; number < NSIG; ++number) {
    signal(number, SIG_DFL);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  umask(022);
  // The agent is not to be killed for want of memory; its commands may be.
  if (const UniqueFd score(open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
      score.is_open()) {
    [[maybe_unused]] const ssize_t ignored = write(score.get(), "0", 1);
  }
}

void become(const Account& account) {
  if (geteuid() != 0) {
    if (account.uid != geteuid()) {
      refuse("cannot become " + account.name, EPERM, kNotExecutable);
    }
    return;
  }
  // The kernel's default for its first process is low; this is what systemd gives its services.
  const rlimit files{.rlim_cur = 1024, .rlim_max = 524288};
  setrlimit(RLIMIT_NOFILE, &files);
  const std::vector<gid_t> groups = groups_of(text_of("/etc/group"), account);
  if (setgroups(groups.size(), groups.data()) != 0 ||
      setresgid(account.gid, account.gid, account.gid) != 0 ||
      setresuid(account.uid, account.uid, account.uid) != 0) {
    refuse("cannot become " + account.name, errno, kNotExecutable);
  }
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> list;
  for (std::string& text : texts) {
    list.push_back(text.data());
  }
  list.push_back(nullptr);
  return list;
}

std::string path_in(const std::vector<std::string>& environment) {
  for (const std::string& entry : environment) {
    if (entry.starts_with("PATH=")) {
      return entry.substr(5);
    }
  }
  return "";
}

// The error of the last one that is there, ENOENT if none is.
int execute_in_path(std::vector<std::string> argv, std::vector<std::string> environment) {
  const std::vector<char*> arguments = pointers(argv);
  const std::vector<char*> variables = pointers(environment);
  if (argv[0].contains('/')) {
    execve(argv[0].c_str(), arguments.data(), variables.data());
    return errno;
  }
  int error = ENOENT;
  const std::string path = path_in(environment);
  std::string_view rest = path;
  while (!rest.empty()) {
    const std::size_t end = rest.find(':');
    const std::string program = std::string(rest.substr(0, end)) + "/" + argv[0];
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    execve(program.c_str(), arguments.data(), variables.data());
    if (errno != ENOENT && errno != ENOTDIR) {
      error = errno;
    }
  }
  return error;
}

[[noreturn]] void run_child(const Execute& request, const Ends& ends) {
  dup2(ends.input.get(), STDIN_FILENO);
  dup2(ends.output.get(), STDOUT_FILENO);
  dup2(ends.error.get(), STDERR_FILENO);
  reset_process(request.wants_tty);
  // Unless told otherwise this is who the agent is, root in a guest.
  const std::string user =
      request.user.empty() && geteuid() != 0 ? std::to_string(geteuid()) : request.user;
  const std::optional<Account> account = find_account(text_of("/etc/passwd"), user);
  if (!account) {
    refuse("there is no user " + request.user + " in the guest", 0, kNotExecutable);
  }
  std::string locale = text_of("/etc/default/locale");
  if (locale.empty()) {
    locale = text_of("/etc/locale.conf");
  }
  std::vector<std::string> environment = compose_environment(*account, locale, request.environment);
  become(*account);
  if (chdir(request.directory.c_str()) != 0 && chdir("/") != 0) {
    refuse("cannot go to /", errno, kNotExecutable);
  }
  const int error = execute_in_path(request.argv, std::move(environment));
  refuse("cannot run " + request.argv[0], error, error == ENOENT ? kNotThere : kNotExecutable);
}

void make_non_blocking(const UniqueFd& fd) {
  if (fd.is_open()) {
    fcntl(fd.get(), F_SETFL, fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
  }
}

[[noreturn]] void run_function(const std::function<int()>& body, const Ends& ends) {
  dup2(ends.input.get(), STDIN_FILENO);
  dup2(ends.output.get(), STDOUT_FILENO);
  dup2(ends.error.get(), STDERR_FILENO);
  // Those of other commands too, which would else never see their streams end.
  constexpr unsigned kFirst = STDERR_FILENO + 1;
  if (syscall(SYS_close_range, kFirst, ~0U, 0) != 0) {
    for (long fd = sysconf(_SC_OPEN_MAX) - 1; fd >= static_cast<long>(kFirst); --fd) {
      close(static_cast<int>(fd));
    }
  }
  reset_process(false);
  _exit(body());
}

}  // namespace

Result<Child> start_child(const Execute& request) {
  Child child;
  Ends ends;
  if (request.wants_tty) {
    TRY(make_terminal(request, child, ends));
  } else {
    TRY(make_pipes(child, ends));
  }
  child.pid = fork();
  if (child.pid < 0) {
    return fail_errno();
  }
  if (child.pid == 0) {
    run_child(request, ends);
  }
  make_non_blocking(child.input);
  make_non_blocking(child.out[0]);
  make_non_blocking(child.out[1]);
  return child;
}

Result<Child> start_function(const std::function<int()>& body) {
  Child child;
  Ends ends;
  TRY(make_pipes(child, ends));
  child.pid = fork();
  if (child.pid < 0) {
    return fail_errno();
  }
  if (child.pid == 0) {
    run_function(body, ends);
  }
  make_non_blocking(child.input);
  make_non_blocking(child.out[0]);
  make_non_blocking(child.out[1]);
  return child;
}

}  // namespace nineroot::agent
