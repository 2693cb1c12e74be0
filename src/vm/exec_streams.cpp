#include "vm/exec_streams.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>

#include <limits.h>

namespace nineroot::vm {
namespace {

constexpr std::array<int, 2> kOurs = {STDOUT_FILENO, STDERR_FILENO};

agent::Stream stream_of(std::size_t index) {
  return index == 0 ? agent::Stream::output : agent::Stream::error;
}

}  // namespace

Outcome<void> ExecStreams::take(const agent::Message& message) {
  if (const auto* output = std::get_if<agent::Output>(&message)) {
    const std::size_t index = output->stream == agent::Stream::error ? 1 : 0;
    if (is_closed_[index]) {
      owed_[index] += static_cast<std::uint32_t>(output->bytes.size());
      give_credit(index);
    } else {
      pending_[index] += output->bytes;
    }
  } else if (const auto* credit = std::get_if<agent::Credit>(&message)) {
    input_credit_ += std::min(credit->bytes, agent::kWindow - input_credit_);
  } else if (const auto* exited = std::get_if<agent::Exited>(&message)) {
    exit_status_ = exited->signal != 0 ? 128 + exited->signal : exited->status;
  } else if (const auto* refused = std::get_if<agent::Refused>(&message)) {
    return failure("the command in the guest is lost: {}", refused->reason);
  }
  return {};
}

void ExecStreams::add_descriptors(std::vector<pollfd>& fds) {
  if (!has_input_ended_ && !has_ended() && input_credit_ > 0) {
    fds.push_back({.fd = STDIN_FILENO, .events = POLLIN, .revents = 0});
  }
  for (std::size_t index = 0; index < pending_.size(); ++index) {
    if (!pending_[index].empty()) {
      fds.push_back({.fd = kOurs[index], .events = POLLOUT, .revents = 0});
    }
  }
}

void ExecStreams::work(const std::vector<pollfd>& fds) {
  for (const pollfd& ready : fds) {
    if (ready.revents == 0) {
      continue;
    }
    if (ready.fd == STDIN_FILENO && ready.events == POLLIN) {
      read_input();
    }
    for (std::size_t index = 0; index < pending_.size(); ++index) {
      if (ready.fd == kOurs[index] && ready.events == POLLOUT) {
        write_output(index);
      }
    }
  }
}

std::optional<int> ExecStreams::status() const {
  return std::ranges::all_of(pending_, &std::string::empty) ? exit_status_ : std::nullopt;
}

void ExecStreams::read_input() {
  std::string bytes(std::min<std::size_t>(agent::kMaxData, input_credit_), '\0');
  const ssize_t got = ::read(STDIN_FILENO, bytes.data(), bytes.size());
  if (got > 0) {
    bytes.resize(static_cast<std::size_t>(got));
    input_credit_ -= static_cast<std::uint32_t>(got);
    connection_.post(agent::Input{std::move(bytes)});
  } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
    has_input_ended_ = true;
    connection_.post(agent::EndOfInput{});
  }
}

void ExecStreams::write_output(std::size_t index) {
  // A pipe that poll() calls writable takes this much without blocking, whatever its other users
  // do; our descriptors are shared with them, so they cannot be made non-blocking.
  std::string& bytes = pending_[index];
  const std::size_t size = std::min<std::size_t>(bytes.size(), PIPE_BUF);
  const ssize_t written = ::write(kOurs[index], bytes.data(), size);
  if (written < 0) {
    if (errno == EAGAIN || errno == EINTR) {
      return;
    }
    // The reader is gone (`... | head`): the command learns it as it would on its own pipe.
    is_closed_[index] = true;
    bytes.clear();
    connection_.post(agent::Signal{.number = SIGPIPE});
    return;
  }
  bytes.erase(0, static_cast<std::size_t>(written));
  owed_[index] += static_cast<std::uint32_t>(written);
  give_credit(index);
}

// Not for every small piece: each credit costs a message through all of the guest.
void ExecStreams::give_credit(std::size_t index) {
  if (owed_[index] >= agent::kMaxData || (pending_[index].empty() && owed_[index] > 0)) {
    connection_.post(agent::Credit{.stream = stream_of(index), .bytes = owed_[index]});
    owed_[index] = 0;
  }
}

}  // namespace nineroot::vm
