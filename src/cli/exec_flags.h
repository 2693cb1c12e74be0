// The options that `exec` and `run` share: what to run in the guest, and as whom.
#pragma once

#include <string>
#include <vector>

#include "vm/agent_link.h"

namespace CLI {
class App;
}

namespace nineroot::cli {

struct ExecFlags {
  std::vector<std::string> command;
  std::vector<std::string> environment;
  std::string user;
  std::string directory = "/root";
  bool wants_tty = false;
  bool wants_no_tty = false;
  bool waits_not = false;
};

/// `flags` must live as long as `verb`.
void add_exec_flags(CLI::App& verb, ExecFlags& flags);

/// With a pty if asked for, or if standard input and output are terminals and none was refused.
Outcome<vm::ExecRequest> exec_request(const ExecFlags& flags);

}  // namespace nineroot::cli
