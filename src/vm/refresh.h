// Telling a running guest what has changed on the host: once, or for as long as it runs.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "base/failure.h"
#include "vm/machine.h"

namespace nineroot::vm {

struct RefreshReport {
  /// All caches of the guest were dropped; else what is at and below the paths was brought in line.
  bool is_everything = false;
  std::size_t paths = 0;                  ///< Files and directories looked at.
  std::vector<std::string> complaints{};  ///< What the guest could not do.
};

/// `paths` are the guest's, absolute; symlinks in them are followed as the guest would, but for the
/// last name.  None: everything.  So are more than a few thousand files below them.
Outcome<RefreshReport> refresh(const Machine& machine, const std::vector<std::string>& paths,
                               std::chrono::seconds patience);

struct WatchEvents {
  std::function<void(std::size_t directories)> started;
  std::function<void(const RefreshReport& report)> refreshed;
};

/// Until SIGINT, SIGTERM or SIGHUP comes or the machine ends.  A guest that reboots is waited for.
Outcome<void> watch(const Machine& machine, const std::vector<std::string>& paths,
                    std::chrono::seconds patience, const WatchEvents& events);

}  // namespace nineroot::vm
