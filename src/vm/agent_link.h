// The host's end of the agent that our init leaves running in the guest.  The process that runs a
// machine owns the link; `nineroot exec` and others reach the guest through its control socket.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/failure.h"

namespace nineroot::vm {

/// Connects to the unix socket of QEMU's chardev for the port org.nineroot.agent and serves the
/// control socket, on a thread of its own until destroyed.  Survives guest reboots: the agent
/// says hello again.
class AgentLink {
 public:
  /// `port_socket` must exist (QEMU runs); `control_socket` is made, mode 0600, removed at the end.
  static Outcome<std::unique_ptr<AgentLink>> start(const std::filesystem::path& port_socket,
                                                   const std::filesystem::path& control_socket);
  virtual ~AgentLink() = default;

  /// True once the agent in the guest has said hello (since the last reboot).
  [[nodiscard]] virtual bool is_connected() const = 0;

  /// Asks the guest to power off in its own way (systemd, init or, without either, sync and
  /// reboot(2)); fails if there is no agent.
  virtual Outcome<void> power_off() = 0;
};

/// A command to run in a guest.
struct ExecRequest {
  std::vector<std::string> argv;
  std::vector<std::string> environment;  ///< NAME=VALUE, added to the agent's.
  std::string directory = "/root";       ///< Falls back to / when missing.
  std::string user;                      ///< Empty: root.
  bool wants_tty = false;                ///< A pty, with the window's size kept.
  bool waits_for_boot = true;  ///< First wait until the guest's init has finished booting.
};

/// Runs a command through the control socket with this process's standard input, output and error;
/// returns its exit status, 128 + N for a signal, 127 for a command that is not there.  Waits up to
/// `patience` for the agent.  SIGINT, SIGTERM and SIGHUP to this process go to the command.
Outcome<int> exec_in_guest(const std::filesystem::path& control_socket, const ExecRequest& request,
                           std::chrono::seconds patience);

/// Asks the owner of the control socket for AgentLink::power_off().
Outcome<void> power_off_guest(const std::filesystem::path& control_socket);

}  // namespace nineroot::vm
