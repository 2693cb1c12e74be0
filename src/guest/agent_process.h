// The agent as a process of the guest: started by our init just before that becomes the guest's
// own, and left alone by whatever the guest does to its processes.
#pragma once

namespace nineroot::guest {

/// The name by which the program knows that it is the agent.  systemd spares processes of root
/// whose name begins with '@' when it ends all others at shutdown (its "ROOT STORAGE DAEMONS").
inline constexpr const char* kAgentName = "@nineroot-agent";

/// Forks and executes `program` (a descriptor of this very program) as kAgentName.
void start_agent(int program);

/// What the process then does: waits for the port, serves the host, for ever.
[[noreturn]] void run_agent();

}  // namespace nineroot::guest
