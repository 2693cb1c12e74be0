// What the agent asks of the guest around it.
#pragma once

#include <string>

namespace nineroot::agent {

class Surroundings {
 public:
  virtual ~Surroundings() = default;

  /// Differs from boot to boot.
  virtual std::string boot_id() = 0;

  /// Whether the guest's init has finished booting.  Asked several times a second while a command
  /// waits for it; must not block.
  virtual bool has_booted() = 0;

  /// Begins to power off; returns at once.
  virtual void power_off() = 0;

  /// Carries out the tasks that come on standard input (refresh_task.h) until it ends; the exit
  /// status.  Runs in a process of its own, because it may wait for the guest's file system.
  virtual int refresh() = 0;
};

}  // namespace nineroot::agent
