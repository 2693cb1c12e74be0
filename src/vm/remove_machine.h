// Deleting a machine with all that is in it.
#pragma once

#include "base/failure.h"
#include "vm/machine.h"

namespace nineroot::vm {

/// Refuses a machine that runs and a tree that is not a machine under the home.  The machine is
/// gone from the home in one step, whatever happens after it.
Outcome<void> remove_machine(const Machine& machine);

}  // namespace nineroot::vm
