#include "vm/server_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <deque>
#include <fstream>

namespace nineroot::vm {
namespace {

constexpr std::size_t kCauses = 3;
constexpr std::size_t kLongestCause = 300;

// A server listens within milliseconds; one that has not after this long never will.
constexpr int kPatienceMs = 60'000;

// True once the server has written its line; false when it ends without, or hangs.
bool is_ready(int fd) {
  char c = 0;
  do {
    pollfd poll_fd{.fd = fd, .events = POLLIN, .revents = 0};
    if (::poll(&poll_fd, 1, kPatienceMs) != 1 || ::read(fd, &c, 1) != 1) {
      return false;
    }
  } while (c != '\n');
  return true;
}

}  // namespace

Failure failure_with_log(std::string what, const std::filesystem::path& log) {
  std::deque<std::string> lines;
  std::ifstream stream(log);
  for (std::string line; std::getline(stream, line);) {
    if (!line.empty()) {
      lines.push_back(line.substr(0, kLongestCause));
      if (lines.size() > kCauses) {
        lines.pop_front();
      }
    }
  }
  if (lines.empty()) {
    return Failure(std::move(what));
  }
  Failure cause(lines.front());
  for (auto line = lines.begin() + 1; line != lines.end(); ++line) {
    cause = std::move(cause).within(*line);
  }
  return std::move(cause).within(std::move(what));
}

Outcome<Process> start_server(const std::vector<std::string>& command,
                              const std::filesystem::path& log, const std::vector<int>& locks) {
  const UniqueFd log_file(::open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  int ends[2];
  if (!log_file.is_open() || ::pipe2(ends, O_CLOEXEC) != 0) {
    return failure(Errno{errno}, "cannot start the 9P server");
  }
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  SpawnRequest request{.argv = command,
                       .standard_output = log_file.get(),
                       .standard_error = log_file.get(),
                       .inherited = locks,
                       .death_signal = SIGTERM};
  request.inherited.push_back(writer.get());
  request.argv.insert(request.argv.end(), {"--ready-fd", std::to_string(writer.get())});
  Process server = TRY(Process::spawn(request));
  writer.reset();
  if (!is_ready(reader.get())) {
    server.send(SIGTERM);
    const ExitStatus status = server.wait();
    return std::unexpected(
        failure_with_log(fmt::format("the 9P server does not start: it {}", status.text()), log));
  }
  return server;
}

}  // namespace nineroot::vm
