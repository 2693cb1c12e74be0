// `nineroot clone`: a machine from another one, or from a snapshot of it.
#pragma once

#include <string>
#include <vector>

#include "base/failure.h"
#include "vm/machine.h"
#include "vm/progress.h"

namespace nineroot::vm {

struct CloneRequest {
  std::string snapshot;  ///< Empty: as the machine is now, running or not.
  std::string name;      ///< Of the new machine.
  /// Keeps machine id, host keys and host name: for a machine that takes the other's place.
  bool keeps_identity = false;
};

/// Whole or not at all.  `notes` gets what a person should know.
Outcome<Machine> clone_machine(const Machine& machine, const CloneRequest& request,
                               Progress& progress, std::vector<std::string>& notes);

}  // namespace nineroot::vm
