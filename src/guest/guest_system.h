// The guest around the agent: has its init booted it, and how does it power off.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>

#include "agent/child.h"
#include "agent/surroundings.h"

namespace nineroot::guest {

class GuestSystem : public agent::Surroundings {
 public:
  std::string boot_id() override;

  /// With systemd as init: once `systemctl is-system-running` says running, degraded or
  /// maintenance.  With any other: once it is no longer our own init that runs.
  bool has_booted() override;

  /// systemctl poweroff or poweroff(8); sync and reboot(2) where neither is there or helps.
  void power_off() override;

 private:
  void ask_systemd();
  bool take_answer();

  bool has_booted_ = false;
  agent::Child question_;  ///< systemctl; its pid is -1 while none runs.
  std::chrono::steady_clock::time_point next_question_;
  pid_t power_off_ = -1;
};

}  // namespace nineroot::guest
