#include "tests/hostile/server_process.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <stdexcept>

namespace nineroot::test {
namespace {

pid_t spawn(const std::vector<std::string>& arguments, int standard_error) {
  std::vector<char*> argv;
  std::string program = NINEROOT_PROGRAM;
  argv.push_back(program.data());
  std::vector<std::string> copies = arguments;
  for (std::string& argument : copies) {
    argv.push_back(argument.data());
  }
  argv.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid == 0) {
    if (standard_error >= 0) {
      ::dup2(standard_error, STDERR_FILENO);
    }
    // A sanitized server in its sandbox cannot look for leaks: that takes ptrace(2).
    const char* options = ::getenv("ASAN_OPTIONS");
    ::setenv("ASAN_OPTIONS",
             (std::string(options != nullptr ? options : "") + ":detect_leaks=0").c_str(), 1);
    ::execv(program.c_str(), argv.data());
    ::_exit(126);
  }
  return pid;
}

}  // namespace

ServerProcess::ServerProcess(const std::vector<std::string>& arguments,
                             const std::filesystem::path& tree)
    : tree_(tree.empty() ? own_tree_.path() : tree) {
  int ready[2];
  if (::pipe(ready) < 0) {
    throw std::runtime_error("no pipe");
  }
  const UniqueFd from(ready[0]);
  UniqueFd to(ready[1]);
  ::fcntl(from.get(), F_SETFD, FD_CLOEXEC);
  // Options before the directory: none of them may swallow it.
  std::vector<std::string> all{"serve",
                               "--listen",
                               "unix:" + (sockets_.path() / "9p").string(),
                               "--ready-fd",
                               std::to_string(to.get()),
                               tree_.string()};
  all.insert(all.end(), arguments.begin(), arguments.end());
  pid_ = spawn(all, -1);
  to.reset();
  char line[16];
  if (::read(from.get(), line, sizeof(line)) <= 0) {
    throw std::runtime_error("the server does not start");
  }
}

ServerProcess::~ServerProcess() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
}

UniqueFd ServerProcess::connect() const {
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = (sockets_.path() / "9p").string();
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) < 0) {
    throw std::runtime_error("cannot connect");
  }
  return socket;
}

std::string ServerProcess::status_field(const std::string& name) const {
  std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(name + ":")) {
      return line.substr(line.find_first_not_of(" \t", name.size() + 1));
    }
  }
  return {};
}

bool ServerProcess::is_alive() const {
  return ::waitpid(pid_, nullptr, WNOHANG) == 0;
}

int ServerProcess::stop() {
  ::kill(pid_, SIGTERM);
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

Finished run_program(const std::vector<std::string>& arguments) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) {
    throw std::runtime_error("no pipe");
  }
  const UniqueFd from(ends[0]);
  UniqueFd to(ends[1]);
  const pid_t pid = spawn(arguments, to.get());
  to.reset();
  Finished finished;
  char buffer[4096];
  for (ssize_t size = 0; (size = ::read(from.get(), buffer, sizeof(buffer))) > 0;) {
    finished.standard_error.append(buffer, static_cast<std::size_t>(size));
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  finished.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return finished;
}

}  // namespace nineroot::test
