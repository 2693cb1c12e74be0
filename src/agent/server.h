// The agent's conversation with the host over one byte stream: many commands at once, none of which
// can hold up another.
#pragma once

#include <list>
#include <string>
#include <vector>

#include "agent/command.h"
#include "agent/frame.h"
#include "agent/message.h"
#include "agent/surroundings.h"

namespace nineroot::agent {

/// One thread.  SIGPIPE must be ignored or blocked; the children that it waits for are its own.
class Server {
 public:
  explicit Server(Surroundings& surroundings) : surroundings_(surroundings) {}

  /// Says hello and serves until the other end of `link` (non-blocking) is gone; then ends all
  /// commands.
  void serve(int link);

 private:
  void begin_session(std::uint64_t session);
  void end_all_commands();
  void take(Letter letter);
  void take(std::uint32_t number, const Hello& hello);
  void take(std::uint32_t number, Execute request);
  void take(std::uint32_t number, const PowerOff& ignored);
  void take(std::uint32_t number, const Refresh& ignored);
  [[nodiscard]] bool may_start(std::uint32_t number);
  void take(std::uint32_t number, const Signal& signal);

  template <class ForACommand>
  void take(std::uint32_t number, const ForACommand& message);

  void post(const Letter& letter);
  void wait(int link);
  bool read_from(int link);
  bool write_to(int link);
  void work();
  void start_those_that_waited();
  [[nodiscard]] int patience() const;
  [[nodiscard]] bool has_room() const;

  Command* find(std::uint32_t number);

  Surroundings& surroundings_;
  FrameReader reader_;
  std::string outgoing_;
  bool has_session_ = false;
  std::list<Command> commands_;
};

}  // namespace nineroot::agent
