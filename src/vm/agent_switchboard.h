// Who talks to whom between the clients of a control socket and the agent in the guest: sessions,
// numbers of commands, and that neither side breaks the windows.  Works on buffers; the sockets are
// the AgentLink's.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <list>
#include <optional>
#include <string>

#include "agent/frame.h"
#include "agent/message.h"
#include "base/unique_fd.h"

namespace nineroot::vm {

/// One connection to the control socket; it has at most one command in its life.
struct AgentClient {
  UniqueFd socket;
  agent::FrameReader reader;
  std::string outgoing;
  std::optional<std::uint64_t> awaited_hello;  ///< Its session number, until the agent is there.
  std::uint32_t command = 0;                   ///< 0: none runs.
  /// What the guest may still send on output and error, and has to give back on input.
  std::array<std::uint32_t, 2> allowance = {agent::kWindow, agent::kWindow};
  std::uint32_t input_under_way = 0;
  bool is_done = false;  ///< To be closed when `outgoing` is sent.
};

class AgentSwitchboard {
 public:
  AgentSwitchboard();

  /// What waits to be written to the port.
  [[nodiscard]] std::string& to_agent() { return to_agent_; }

  [[nodiscard]] std::list<AgentClient>& clients() { return clients_; }

  /// From any thread.
  [[nodiscard]] bool is_connected() const { return is_connected_; }

  void feed_from_agent(std::string_view bytes);
  void feed_from_client(AgentClient& client, std::string_view bytes);

  /// The client's end is closed: its command is abandoned.  The caller removes the client.
  void lose(AgentClient& client);

  /// The port is gone: all commands end.
  void lose_agent();

  void power_off();

 private:
  void begin_session();
  void end_commands(const char* reason);
  void post(const agent::Letter& letter);
  static void answer(AgentClient& client, agent::Message message);
  static void finish(AgentClient& client, agent::Message message);
  void cut_off(AgentClient& client);

  void take_from_agent(const agent::Letter& letter);
  void take_hello(const agent::Hello& hello);
  void forward_to_client(AgentClient& client, const agent::Letter& letter);

  void take_from_client(AgentClient& client, agent::Letter letter);
  void execute(AgentClient& client, agent::Letter letter);
  void forward_to_agent(AgentClient& client, agent::Letter letter);

  agent::FrameReader reader_;
  std::string to_agent_;
  std::list<AgentClient> clients_;
  std::uint64_t session_ = 0;
  std::atomic<bool> is_connected_ = false;
  std::uint32_t last_command_ = 0;
  bool has_complained_ = false;
};

}  // namespace nineroot::vm
