#include "vm/agent_switchboard.h"

#include <sys/random.h>

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace nineroot::vm {
namespace {

using agent::Letter;

constexpr const char* kNoAgent = "the agent in the guest is not there";

std::uint64_t random_session() {
  std::uint64_t session = 0;
  while (session == 0) {
    [[maybe_unused]] const ssize_t ignored = ::getrandom(&session, sizeof(session), 0);
  }
  return session;
}

std::size_t index_of(agent::Stream stream) {
  return stream == agent::Stream::error ? 1 : 0;
}

}  // namespace

AgentSwitchboard::AgentSwitchboard() {
  begin_session();
}

void AgentSwitchboard::begin_session() {
  session_ = random_session();
  is_connected_ = false;
  agent::append_frame_break(to_agent_);
  post({0, agent::Hello{.version = agent::kProtocolVersion, .session = session_, .boot_id = ""}});
}

void AgentSwitchboard::end_commands(const char* reason) {
  for (AgentClient& client : clients_) {
    if (client.command != 0) {
      finish(client, agent::Refused{reason});
    }
  }
}

void AgentSwitchboard::post(const Letter& letter) {
  agent::append_frame(to_agent_, agent::encode(letter));
}

void AgentSwitchboard::answer(AgentClient& client, agent::Message message) {
  agent::append_frame(client.outgoing, agent::encode({0, std::move(message)}));
}

void AgentSwitchboard::finish(AgentClient& client, agent::Message message) {
  answer(client, std::move(message));
  client.command = 0;
  client.is_done = true;
}

void AgentSwitchboard::cut_off(AgentClient& client) {
  log::warn("the agent in the guest breaks its protocol; its command is given up");
  post({client.command, agent::Abandon{}});
  finish(client, agent::Refused{"the agent in the guest breaks its protocol"});
}

void AgentSwitchboard::feed_from_agent(std::string_view bytes) {
  reader_.feed(bytes);
  while (const std::optional<std::string> frame = reader_.next()) {
    if (const std::optional<Letter> letter = agent::decode(*frame)) {
      take_from_agent(*letter);
    }
  }
}

void AgentSwitchboard::take_from_agent(const Letter& letter) {
  if (const auto* hello = std::get_if<agent::Hello>(&letter.message)) {
    take_hello(*hello);
    return;
  }
  if (!is_connected_ || letter.command == 0) {
    return;
  }
  const auto client = std::ranges::find(clients_, letter.command, &AgentClient::command);
  if (client != clients_.end()) {
    forward_to_client(*client, letter);
  }
}

void AgentSwitchboard::take_hello(const agent::Hello& hello) {
  if (hello.session == 0) {
    end_commands("the guest has rebooted");
    begin_session();
    return;
  }
  if (hello.session != session_ || is_connected_) {
    return;
  }
  if (hello.version != agent::kProtocolVersion) {
    // Once: a guest could say it for ever.
    if (!std::exchange(has_complained_, true)) {
      log::error("the agent in the guest speaks version {} of its protocol, we {}", hello.version,
                 agent::kProtocolVersion);
    }
    return;
  }
  is_connected_ = true;
  for (AgentClient& client : clients_) {
    if (client.awaited_hello) {
      answer(client, agent::Hello{.version = agent::kProtocolVersion,
                                  .session = *client.awaited_hello,
                                  .boot_id = ""});
      client.awaited_hello.reset();
    }
  }
}

void AgentSwitchboard::forward_to_client(AgentClient& client, const Letter& letter) {
  if (const auto* output = std::get_if<agent::Output>(&letter.message)) {
    std::uint32_t& allowance = client.allowance[index_of(output->stream)];
    if (output->bytes.empty() || output->bytes.size() > allowance) {
      cut_off(client);
      return;
    }
    allowance -= static_cast<std::uint32_t>(output->bytes.size());
    answer(client, *output);
  } else if (const auto* credit = std::get_if<agent::Credit>(&letter.message)) {
    if (credit->stream != agent::Stream::input || credit->bytes == 0 ||
        credit->bytes > client.input_under_way) {
      cut_off(client);
      return;
    }
    client.input_under_way -= credit->bytes;
    answer(client, *credit);
  } else if (std::holds_alternative<agent::Exited>(letter.message) ||
             std::holds_alternative<agent::Refused>(letter.message)) {
    finish(client, letter.message);
  } else {
    cut_off(client);
  }
}

void AgentSwitchboard::feed_from_client(AgentClient& client, std::string_view bytes) {
  client.reader.feed(bytes);
  while (const std::optional<std::string> frame = client.reader.next()) {
    std::optional<Letter> letter = agent::decode(*frame);
    if (letter && !client.is_done) {
      take_from_client(client, std::move(*letter));
    }
  }
}

void AgentSwitchboard::take_from_client(AgentClient& client, Letter letter) {
  if (const auto* hello = std::get_if<agent::Hello>(&letter.message)) {
    if (is_connected_) {
      answer(client, *hello);
    } else {
      client.awaited_hello = hello->session;
    }
  } else if (std::holds_alternative<agent::PowerOff>(letter.message)) {
    if (is_connected_) {
      power_off();
      finish(client, agent::Exited{});
    } else {
      finish(client, agent::Refused{kNoAgent});
    }
  } else if (std::holds_alternative<agent::Execute>(letter.message) ||
             std::holds_alternative<agent::Refresh>(letter.message)) {
    execute(client, std::move(letter));
  } else {
    forward_to_agent(client, std::move(letter));
  }
}

void AgentSwitchboard::execute(AgentClient& client, Letter letter) {
  if (!is_connected_) {
    finish(client, agent::Refused{kNoAgent});
    return;
  }
  if (client.command != 0) {
    lose(client);
    finish(client, agent::Refused{"one connection can run one command"});
    return;
  }
  last_command_ = last_command_ == UINT32_MAX ? 1 : last_command_ + 1;
  client.command = last_command_;
  letter.command = client.command;
  post(letter);
}

void AgentSwitchboard::forward_to_agent(AgentClient& client, Letter letter) {
  if (client.command == 0) {
    return;
  }
  letter.command = client.command;
  if (const auto* input = std::get_if<agent::Input>(&letter.message)) {
    client.input_under_way += static_cast<std::uint32_t>(input->bytes.size());
    if (client.input_under_way > agent::kWindow) {
      lose(client);
      finish(client, agent::Refused{"more input than there is credit for"});
      return;
    }
  } else if (const auto* credit = std::get_if<agent::Credit>(&letter.message)) {
    std::uint32_t& allowance = client.allowance[index_of(credit->stream)];
    allowance += std::min(credit->bytes, agent::kWindow - std::min(agent::kWindow, allowance));
  }
  post(letter);
}

void AgentSwitchboard::lose(AgentClient& client) {
  if (client.command != 0) {
    post({client.command, agent::Abandon{}});
    client.command = 0;
  }
}

void AgentSwitchboard::lose_agent() {
  is_connected_ = false;
  to_agent_.clear();
  for (AgentClient& client : clients_) {
    if (!client.is_done) {
      finish(client, agent::Refused{"the machine has ended"});
    }
  }
}

void AgentSwitchboard::power_off() {
  post({0, agent::PowerOff{}});
}

}  // namespace nineroot::vm
