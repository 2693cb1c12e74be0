#include "agent/server.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <thread>

namespace nineroot::agent {
namespace {

// More than this is not gathered for a host that does not read: commands wait with their output.
constexpr std::size_t kOutgoingLimit = 256 * 1024;

// How often to look where no descriptor tells: for the end of booting, for a process on a kernel
// without pidfds, for the end of the grace of an abandoned one.
constexpr int kTickMilliseconds = 100;

constexpr std::chrono::seconds kGraceAtTheEnd{2};

// A host that never stops sending does not keep the commands from their turn.
constexpr int kRoundsOfReading = 8;

}  // namespace

void Server::serve(int link) {
  reader_ = FrameReader();
  outgoing_.clear();
  has_session_ = false;
  begin_session(0);
  for (;;) {
    wait(link);
    if (!read_from(link)) {
      break;
    }
    work();
    if (!write_to(link)) {
      break;
    }
  }
  end_all_commands();
}

void Server::begin_session(std::uint64_t session) {
  append_frame_break(outgoing_);
  post(
      {0,
       Hello{.version = kProtocolVersion, .session = session, .boot_id = surroundings_.boot_id()}});
}

void Server::end_all_commands() {
  const Command::Clock::time_point end = Command::Clock::now() + kGraceAtTheEnd;
  std::vector<Letter> unread;
  for (Command& command : commands_) {
    command.abandon();
  }
  while (!commands_.empty()) {
    std::erase_if(commands_, [&unread](Command& command) {
      command.work(false, unread);
      return command.is_finished() || !command.is_started();
    });
    if (Command::Clock::now() >= end) {
      std::ranges::for_each(commands_, &Command::kill);
    }
    if (!commands_.empty()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
}

void Server::take(Letter letter) {
  std::visit([&](auto& message) { take(letter.command, std::move(message)); }, letter.message);
}

void Server::take(std::uint32_t, const Hello& hello) {
  end_all_commands();
  has_session_ = true;
  begin_session(hello.session);
}

void Server::take(std::uint32_t number, Execute request) {
  if (!may_start(number)) {
    return;
  }
  if (request.argv.empty() || request.argv.front().empty()) {
    post({number, Refused{"there is no command to run"}});
  } else {
    commands_.emplace_back(number, std::move(request));
  }
}

void Server::take(std::uint32_t number, const Refresh&) {
  if (may_start(number)) {
    commands_.emplace_back(number,
                           std::function<int()>([this] { return surroundings_.refresh(); }));
  }
}

bool Server::may_start(std::uint32_t number) {
  if (has_session_ && find(number) != nullptr) {
    post({number, Refused{"this number is that of a command that runs"}});
    return false;
  }
  if (has_session_ && commands_.size() >= kMaxCommands) {
    post({number, Refused{"too many commands run in the guest at once"}});
    return false;
  }
  return has_session_;
}

void Server::take(std::uint32_t, const PowerOff&) {
  if (has_session_) {
    surroundings_.power_off();
  }
}

void Server::take(std::uint32_t number, const Signal& signal) {
  const Command* command = find(number);
  if (command == nullptr || command->is_started()) {
    if (command != nullptr) {
      command->take(signal);
    }
    return;
  }
  // One that still waits ends as it would have ended, without having begun.
  std::erase_if(commands_, [number](const Command& one) { return one.number() == number; });
  post({number, Exited{.status = 0, .signal = signal.number}});
}

template <class ForACommand>
void Server::take(std::uint32_t number, const ForACommand& message) {
  Command* command = find(number);
  if (command == nullptr || !has_session_) {
    return;
  }
  if constexpr (std::is_same_v<ForACommand, Abandon>) {
    command->abandon();
  } else if constexpr (requires { command->take(message); }) {
    command->take(message);
  }
}

void Server::post(const Letter& letter) {
  append_frame(outgoing_, encode(letter));
}

void Server::wait(int link) {
  std::vector<pollfd> descriptors;
  pollfd ours{.fd = link, .events = 0, .revents = 0};
  if (has_room()) {
    ours.events = POLLIN;
  }
  if (!outgoing_.empty()) {
    ours.events = static_cast<short>(ours.events | POLLOUT);
  }
  descriptors.push_back(ours);
  for (const Command& command : commands_) {
    command.add_descriptors(descriptors, has_room());
  }
  poll(descriptors.data(), descriptors.size(), patience());
}

bool Server::read_from(int link) {
  std::array<char, 32768> piece;
  for (int round = 0; round < kRoundsOfReading && has_room(); ++round) {
    const ssize_t got = read(link, piece.data(), piece.size());
    if (got < 0) {
      return errno == EAGAIN || errno == EINTR;
    }
    if (got == 0) {
      return false;
    }
    reader_.feed(std::string_view(piece.data(), static_cast<std::size_t>(got)));
    while (std::optional<std::string> frame = reader_.next()) {
      if (std::optional<Letter> letter = decode(*frame)) {
        take(std::move(*letter));
      }
    }
  }
  // A host that does not read any more is seen to be gone all the same.
  pollfd state{.fd = link, .events = 0, .revents = 0};
  poll(&state, 1, 0);
  return (state.revents & (POLLHUP | POLLERR)) == 0;
}

bool Server::write_to(int link) {
  std::size_t done = 0;
  while (done < outgoing_.size()) {
    const ssize_t written = write(link, outgoing_.data() + done, outgoing_.size() - done);
    if (written <= 0) {
      if (written == 0 || errno == EAGAIN || errno == EINTR) {
        break;
      }
      return false;
    }
    done += static_cast<std::size_t>(written);
  }
  outgoing_.erase(0, done);
  return true;
}

void Server::work() {
  start_those_that_waited();
  std::vector<Letter> letters;
  for (Command& command : commands_) {
    command.work(has_room(), letters);
    for (const Letter& letter : letters) {
      post(letter);
    }
    letters.clear();
  }
  std::erase_if(commands_, [this](const Command& command) {
    if (command.is_finished()) {
      post({command.number(), command.result()});
    }
    return command.is_finished();
  });
}

void Server::start_those_that_waited() {
  const bool has_booted =
      std::ranges::any_of(commands_, &Command::waits_for_boot) && surroundings_.has_booted();
  std::erase_if(commands_, [this, has_booted](Command& command) {
    if (command.is_started()) {
      return false;
    }
    if (command.is_abandoned()) {
      post({command.number(), Exited{.status = 0, .signal = SIGHUP}});
      return true;
    }
    if (command.waits_for_boot() && !has_booted) {
      return false;
    }
    if (const Result<void> started = command.start(); !started) {
      post({command.number(), Refused{std::string("the guest cannot start it: ") +
                                      strerrordesc_np(code(started.error()))}});
      return true;
    }
    return false;
  });
}

int Server::patience() const {
  const bool must_look = std::ranges::any_of(commands_, [](const Command& command) {
    return !command.is_started() || command.is_abandoned() || !command.tells_its_end();
  });
  const bool must_drain = has_room() && std::ranges::any_of(commands_, &Command::must_be_drained);
  return must_drain ? 0 : must_look ? kTickMilliseconds : -1;
}

bool Server::has_room() const {
  return outgoing_.size() < kOutgoingLimit;
}

Command* Server::find(std::uint32_t number) {
  const auto found = std::ranges::find(commands_, number, &Command::number);
  return found == commands_.end() ? nullptr : &*found;
}

}  // namespace nineroot::agent
