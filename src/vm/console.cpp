#include "vm/console.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "vm/process.h"

namespace nineroot::vm {
namespace {

// No more than PIPE_BUF: poll() promises a pipe that takes this much without blocking.
constexpr std::size_t kPiece = 4096;

constexpr const char* kHelp =
    "Ctrl-A x  end the machine at once        Ctrl-A s  shut it down\n"
    "Ctrl-A a  send Ctrl-A to the guest       Ctrl-A h  this help";

// Whether standard input is a terminal that we may read and change.
bool owns_terminal() {
  return ::isatty(STDIN_FILENO) == 1 && ::tcgetpgrp(STDIN_FILENO) == ::getpgrp();
}

}  // namespace

Outcome<Console> Console::open(const std::filesystem::path& log) {
  Console console;
  if (!log.empty()) {
    console.log_.reset(
        ::open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!console.log_.is_open()) {
      return failure(Errno{errno}, "cannot write the console's log {}", log.string());
    }
    return console;
  }
  console.shows_output_ = true;
  if (!owns_terminal()) {
    // A pipe or a file is typed into the guest as it is; a terminal in the background is not ours.
    console.reads_input_ = ::isatty(STDIN_FILENO) == 0;
    return console;
  }
  if (::tcgetattr(STDIN_FILENO, &console.saved_) == 0) {
    termios raw = console.saved_;
    ::cfmakeraw(&raw);
    raw.c_oflag |= OPOST;  // Our own lines end in a plain newline.
    console.is_raw_ = ::tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
  }
  console.reads_input_ = console.is_raw_;
  return console;
}

Console::Console(Console&& other) noexcept
    : guest_(std::move(other.guest_)),
      log_(std::move(other.log_)),
      for_guest_(std::move(other.for_guest_)),
      for_output_(std::move(other.for_output_)),
      keys_(other.keys_),
      panic_watch_(std::move(other.panic_watch_)),
      reads_input_(other.reads_input_),
      shows_output_(other.shows_output_),
      is_raw_(std::exchange(other.is_raw_, false)),
      saved_(other.saved_) {
}

Console::~Console() {
  if (is_raw_) {
    ::tcsetattr(STDIN_FILENO, TCSADRAIN, &saved_);
  }
}

void Console::attach(UniqueFd guest) {
  guest_ = std::move(guest);
  ::fcntl(guest_.get(), F_SETFL, O_NONBLOCK);
}

std::array<pollfd, 3> Console::poll_fds() const {
  // poll() passes over negative descriptors.
  const bool can_read_guest = for_output_.empty();
  const bool can_read_keys = reads_input_ && for_guest_.empty();
  const int guest_events = (can_read_guest ? POLLIN : 0) | (for_guest_.empty() ? 0 : POLLOUT);
  return {pollfd{.fd = guest_events != 0 ? guest_.get() : -1,
                 .events = static_cast<short>(guest_events),
                 .revents = 0},
          pollfd{.fd = can_read_keys ? STDIN_FILENO : -1, .events = POLLIN, .revents = 0},
          pollfd{.fd = for_output_.empty() ? -1 : STDOUT_FILENO, .events = POLLOUT, .revents = 0}};
}

ConsoleRequest Console::move(const std::array<pollfd, 3>& ready) {
  ConsoleRequest request = ConsoleRequest::nothing;
  if (ready[2].revents != 0) {
    write_out();
  }
  if ((ready[0].revents & POLLOUT) != 0) {
    write_keys();
  }
  if ((ready[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
    read_guest();
  }
  if (ready[1].revents != 0) {
    request = read_keys();
  }
  return request;
}

void Console::drain() {
  // Standard output may be slow; what the guest said last is worth waiting for.
  while (guest_.is_open() || !for_output_.empty()) {
    write_out();
    if (guest_.is_open()) {
      read_guest();
    }
  }
}

void Console::read_guest() {
  std::array<char, kPiece> buffer;
  const ssize_t got = ::read(guest_.get(), buffer.data(), buffer.size());
  if (got > 0) {
    show({buffer.data(), static_cast<std::size_t>(got)});
  } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
    guest_.reset();
    for_guest_.clear();
  }
}

void Console::show(std::string_view output) {
  panic_watch_.see(output);
  if (log_.is_open() && ::write(log_.get(), output.data(), output.size()) < 0) {
    log_.reset();  // A full disk costs the log, not the machine.
  }
  if (shows_output_) {
    for_output_.append(output);
  }
}

void Console::write_out() {
  if (for_output_.empty()) {
    return;
  }
  const ssize_t written =
      ::write(STDOUT_FILENO, for_output_.data(), std::min(for_output_.size(), kPiece));
  if (written > 0) {
    for_output_.erase(0, static_cast<std::size_t>(written));
  } else if (errno != EAGAIN && errno != EINTR) {
    shows_output_ = false;  // Nobody looks any more; the machine runs on.
    for_output_.clear();
  }
}

ConsoleRequest Console::read_keys() {
  std::array<char, kPiece> buffer;
  const ssize_t got = ::read(STDIN_FILENO, buffer.data(), buffer.size());
  if (got <= 0) {
    reads_input_ = got < 0 && (errno == EAGAIN || errno == EINTR);
    return ConsoleRequest::nothing;
  }
  const std::string_view keys(buffer.data(), static_cast<std::size_t>(got));
  if (!is_raw_) {
    for_guest_.append(keys);
    return ConsoleRequest::nothing;
  }
  EscapeKeys::Typed typed = keys_.filter(keys);
  for_guest_.append(typed.for_guest);
  if (typed.wants_help) {
    say(kHelp);
  }
  return typed.request;
}

void Console::write_keys() {
  const ssize_t sent = ::write(guest_.get(), for_guest_.data(), for_guest_.size());
  if (sent > 0) {
    for_guest_.erase(0, static_cast<std::size_t>(sent));
  }
}

void Console::say(std::string_view line) const {
  if (!shows_output_) {
    return;
  }
  const std::string text = fmt::format("{}{}\n", is_raw_ ? "\r\n" : "", line);
  if (::write(STDERR_FILENO, text.data(), text.size()) < 0) {
    return;
  }
}

}  // namespace nineroot::vm
