// The guest around the agent: has its init booted it, and how does it power off.
#pragma once

#include <chrono>
#include <string>

#include "agent/surroundings.h"
#include "base/unique_fd.h"

namespace nineroot::guest {

class GuestSystem : public agent::Surroundings {
 public:
  std::string boot_id() override;

  /// With systemd as init: once `systemctl is-system-running` says running, degraded or
  /// maintenance.  With any other: once it is no longer our own init that runs.
  bool has_booted() override;

  /// systemctl poweroff or poweroff(8); sync and reboot(2) where neither is there or helps.
  void power_off() override;

  /// guest/refresher.h
  int refresh() override;

 private:
  void ask_systemd();
  bool take_answer();

  bool has_booted_ = false;
  UniqueFd question_;  ///< What systemctl says; open while it runs.
  std::string answer_;
  std::chrono::steady_clock::time_point next_question_;
  UniqueFd power_off_;  ///< Ends when the one that powers off does.
};

}  // namespace nineroot::guest
