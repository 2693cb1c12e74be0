#include "vm/guest_refresher.h"

#include <poll.h>

#include <algorithm>
#include <thread>

namespace nineroot::vm {
namespace {

using std::chrono::steady_clock;

// What a guest that talks without end can make us hold.
constexpr std::size_t kLongestAnswer = 4096;

std::string printable(std::string text) {
  std::ranges::replace_if(text, [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

}  // namespace

Outcome<GuestRefresher> GuestRefresher::open(const std::filesystem::path& control_socket,
                                             std::chrono::seconds first_patience,
                                             std::chrono::seconds patience) {
  // The socket is made a moment after QEMU has started.
  const steady_clock::time_point deadline = steady_clock::now() + first_patience;
  Outcome<ControlConnection> connection = ControlConnection::open(control_socket);
  while (!connection && steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    connection = ControlConnection::open(control_socket);
  }
  if (!connection) {
    return std::unexpected(connection.error());
  }
  GuestRefresher refresher(std::move(*connection), patience);
  TRY(refresher.wait_for_agent(deadline));
  return refresher;
}

Outcome<void> GuestRefresher::wait_for_agent(steady_clock::time_point deadline) {
  connection_.post(agent::Hello{.version = agent::kProtocolVersion, .session = 1, .boot_id = ""});
  while (!is_agent_there_) {
    TRY(wait(deadline));
  }
  connection_.post(agent::Refresh{});
  return {};
}

Outcome<std::vector<std::string>> GuestRefresher::run(
    const std::vector<agent::RefreshTask>& tasks) {
  std::string records;
  for (const agent::RefreshTask& task : tasks) {
    records += agent::encode(task);
  }
  answered_ = 0;
  complaints_.clear();
  std::string_view rest = records;
  std::size_t answered_before = 0;
  steady_clock::time_point deadline = steady_clock::now() + patience_;
  while (answered_ < tasks.size()) {
    while (!rest.empty() && credit_ > 0) {
      const std::size_t size = std::min({rest.size(), std::size_t{credit_}, agent::kMaxData});
      connection_.post(agent::Input{std::string(rest.substr(0, size))});
      credit_ -= static_cast<std::uint32_t>(size);
      rest.remove_prefix(size);
    }
    TRY(wait(deadline));
    if (answered_ != answered_before) {
      answered_before = answered_;
      deadline = steady_clock::now() + patience_;
    }
  }
  return std::move(complaints_);
}

Outcome<void> GuestRefresher::look() {
  TRY(connection_.work());
  return take_messages();
}

Outcome<void> GuestRefresher::wait(steady_clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now());
  if (left.count() <= 0) {
    return std::unexpected(
        Failure("the agent in the guest does not answer")
            .with_hint("the guest may still be starting, or it was started by an older nineroot or "
                       "with an initrd that leaves no agent"));
  }
  pollfd wanted = connection_.wanted();
  ::poll(&wanted, 1, static_cast<int>(std::min<std::int64_t>(left.count(), 1000)));
  return look();
}

Outcome<void> GuestRefresher::take_messages() {
  while (const std::optional<agent::Message> message = connection_.next()) {
    TRY(take(*message));
  }
  return {};
}

Outcome<void> GuestRefresher::take(const agent::Message& message) {
  if (std::holds_alternative<agent::Hello>(message)) {
    is_agent_there_ = true;
  } else if (const auto* credit = std::get_if<agent::Credit>(&message)) {
    credit_ += std::min(credit->bytes, agent::kWindow - credit_);
  } else if (const auto* refused = std::get_if<agent::Refused>(&message)) {
    return failure("{}", refused->reason);
  } else if (std::holds_alternative<agent::Exited>(message)) {
    return failure("what refreshes the guest has ended");
  } else if (const auto* output = std::get_if<agent::Output>(&message)) {
    connection_.post(agent::Credit{.stream = output->stream,
                                   .bytes = static_cast<std::uint32_t>(output->bytes.size())});
    if (output->stream == agent::Stream::output) {
      answers_ += output->bytes;
    }
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = answers_.find('\n', begin)) != std::string::npos;
         begin = end + 1) {
      ++answered_;
      if (const std::string line = answers_.substr(begin, end - begin); line != "ok") {
        complaints_.push_back(printable(line));
      }
    }
    answers_.erase(0, begin);
    if (answers_.size() > kLongestAnswer) {
      return failure("the agent in the guest breaks its protocol");
    }
  }
  return {};
}

}  // namespace nineroot::vm
