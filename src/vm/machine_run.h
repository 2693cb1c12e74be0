// One run of QEMU and its 9P server, from their start until both have ended.  A guest that reboots
// on an old QEMU gets a run of its own after the first.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/failure.h"
#include "base/unique_fd.h"
#include "vm/agent_link.h"
#include "vm/boot_plan.h"
#include "vm/console.h"
#include "vm/process.h"
#include "vm/qmp.h"
#include "vm/runtime.h"

namespace nineroot::vm {

/// How a run came to its end.
enum class RunEnd {
  powered_off,  ///< By the guest, or because we asked it to.
  rebooted,     ///< The guest wants to be started anew.
  quit,         ///< We ended it without the guest's doing.
};

class MachineRun {
 public:
  /// Starts the server, then QEMU; returns when QEMU answers.
  static Outcome<MachineRun> start(const BootPlan& plan, const RuntimeLock& lock, Console& console);

  /// What to poll beside the console: QEMU, the server, QMP.
  [[nodiscard]] std::vector<pollfd> poll_fds() const;

  /// Looks at all that may have happened.  The end, once QEMU and the server have ended well;
  /// nothing while they run; a failure if one of them broke, when neither runs any more.
  Outcome<std::optional<RunEnd>> look(Console& console);

  /// Asks the guest to power off, through its agent or else by its power button.
  void ask_to_power_off();

  /// Ends QEMU without asking the guest.
  void quit();

  [[nodiscard]] bool has_agent_connected() const { return link_ && link_->is_connected(); }

  /// Whether the agent was there at any look(): the guest's own init has been started.
  [[nodiscard]] bool had_agent() const { return had_agent_; }

  [[nodiscard]] const Process& qemu() const { return qemu_; }

  [[nodiscard]] const Process& server() const { return server_; }

 private:
  MachineRun(Process server, Process qemu, Qmp qmp, RuntimePaths paths)
      : server_(std::move(server)),
        qemu_(std::move(qemu)),
        qmp_(std::move(qmp)),
        paths_(std::move(paths)) {}

  void take_events(Console& console);
  Outcome<std::optional<RunEnd>> end_of_qemu(Console& console);
  Outcome<std::optional<RunEnd>> end_of_server();
  Outcome<void> wait_for_server();
  Outcome<void> stop_all();

  Process server_;
  Process qemu_;
  Qmp qmp_;
  RuntimePaths paths_;
  std::unique_ptr<AgentLink> link_;
  std::string shutdown_reason_;
  std::string panic_;
  bool is_quitting_ = false;
  bool had_agent_ = false;
  std::optional<std::chrono::steady_clock::time_point> server_ended_;
};

}  // namespace nineroot::vm
