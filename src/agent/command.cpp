#include "agent/command.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

namespace nineroot::agent {
namespace {

constexpr std::chrono::seconds kGrace{5};
// What ends input on a terminal, Ctrl-D; within a line the first one only hands the line over.
constexpr std::string_view kEndOfFile = "\x04\x04";

std::size_t index_of(Stream stream) {
  return stream == Stream::error ? 1 : 0;
}

}  // namespace

Result<void> Command::start() {
  child_ = TRY(function_ ? start_function(function_) : start_child(request_));
  is_started_ = true;
  process_.reset(static_cast<int>(syscall(SYS_pidfd_open, child_.pid, 0)));
  return {};
}

void Command::take(const Input& input) {
  if (has_input_ended_ || input_.size() + input.bytes.size() > kWindow) {
    abandon();
    return;
  }
  input_ += input.bytes;
}

void Command::take(const EndOfInput&) {
  has_input_ended_ = true;
}

void Command::take(const Credit& credit) {
  if (credit.stream == Stream::input) {
    return;
  }
  std::uint32_t& mine = credit_[index_of(credit.stream)];
  mine += std::min(credit.bytes, kWindow - std::min(kWindow, mine));
}

void Command::take(const Signal& signal) const {
  if (is_started_ && !exited_ && signal.number > 0 && signal.number < NSIG) {
    ::kill(-child_.pid, signal.number);
  }
}

void Command::take(const Resize& size) const {
  const winsize window{.ws_row = size.rows, .ws_col = size.columns, .ws_xpixel = 0, .ws_ypixel = 0};
  if (request_.wants_tty && child_.out[0].is_open()) {
    ioctl(child_.out[0].get(), TIOCSWINSZ, &window);
  }
}

void Command::abandon() {
  if (kill_at_) {
    return;
  }
  kill_at_ = Clock::now() + kGrace;
  take(Signal{.number = SIGHUP});
  input_.clear();
  child_.input.reset();
  for (UniqueFd& out : child_.out) {
    out.reset();
  }
}

void Command::kill() const {
  take(Signal{.number = SIGKILL});
}

void Command::add_descriptors(std::vector<pollfd>& descriptors, bool may_read) const {
  if (owes_input()) {
    descriptors.push_back({.fd = child_.input.get(), .events = POLLOUT, .revents = 0});
  }
  for (std::size_t index = 0; index < child_.out.size(); ++index) {
    if (may_read && can_read(index)) {
      descriptors.push_back({.fd = child_.out[index].get(), .events = POLLIN, .revents = 0});
    }
  }
  if (process_.is_open() && !exited_) {
    descriptors.push_back({.fd = process_.get(), .events = POLLIN, .revents = 0});
  }
}

void Command::work(bool may_read, std::vector<Letter>& letters) {
  if (!is_started_) {
    return;
  }
  // First the end and then the output: all that it wrote before its end is there to be read.
  look_for_the_end();
  write_input(letters);
  for (std::size_t index = 0; index < child_.out.size(); ++index) {
    if (may_read && can_read(index)) {
      read_output(index, letters);
    }
  }
  if (kill_at_ && Clock::now() >= *kill_at_) {
    kill();
  }
}

bool Command::must_be_drained() const {
  return exited_ && (can_read(0) || can_read(1));
}

bool Command::is_finished() const {
  return exited_ && std::ranges::none_of(child_.out, &UniqueFd::is_open);
}

void Command::write_input(std::vector<Letter>& letters) {
  std::size_t done = input_.size();
  if (child_.input.is_open()) {
    if (input_.empty()) {
      end_input();
      return;
    }
    const ssize_t written = write(child_.input.get(), input_.data(), input_.size());
    if (written < 0 && (errno == EAGAIN || errno == EINTR)) {
      return;
    }
    if (written > 0) {
      done = static_cast<std::size_t>(written);
      is_at_line_start_ = input_[done - 1] == '\n';
    } else {
      child_.input.reset();
    }
  }
  // Where nobody reads any more, all that comes is taken and thrown away.
  if (done > 0) {
    input_.erase(0, done);
    letters.push_back(
        {number_, Credit{.stream = Stream::input, .bytes = static_cast<std::uint32_t>(done)}});
  }
}

void Command::end_input() {
  if (!has_input_ended_) {
    return;
  }
  if (request_.wants_tty) {
    const std::string_view end = kEndOfFile.substr(is_at_line_start_ ? 1 : 0);
    if (write(child_.input.get(), end.data(), end.size()) < 0 && errno == EAGAIN) {
      return;
    }
  }
  child_.input.reset();
}

void Command::read_output(std::size_t index, std::vector<Letter>& letters) {
  UniqueFd& out = child_.out[index];
  Output output{.stream = index == 0 ? Stream::output : Stream::error, .bytes = ""};
  output.bytes.resize(std::min<std::size_t>(kMaxData, credit_[index]));
  const ssize_t got = read(out.get(), output.bytes.data(), output.bytes.size());
  if (got > 0) {
    output.bytes.resize(static_cast<std::size_t>(got));
    credit_[index] -= static_cast<std::uint32_t>(got);
    letters.push_back({number_, std::move(output)});
    return;
  }
  // After the end of the process nothing of its own is to come; what a child that it left behind
  // may still write is not waited for.  A terminal that nobody has open any more gives EIO.
  const bool is_empty = got < 0 && (errno == EAGAIN || errno == EINTR);
  if (!is_empty || exited_) {
    out.reset();
  }
}

void Command::look_for_the_end() {
  int status = 0;
  if (exited_ || waitpid(child_.pid, &status, WNOHANG) != child_.pid) {
    return;
  }
  exited_ = WIFSIGNALED(status)
                ? Exited{.status = 0, .signal = static_cast<std::uint8_t>(WTERMSIG(status))}
                : Exited{.status = static_cast<std::uint8_t>(WEXITSTATUS(status)), .signal = 0};
}

}  // namespace nineroot::agent
