// Ending a machine that another process runs.
#pragma once

#include <chrono>

#include "base/failure.h"
#include "vm/machine.h"

namespace nineroot::vm {

/// Asks the guest to power off and waits until the machine has ended and its data is written.
/// Fails after `timeout`, with the machine still running.  False if it did not run.
Outcome<bool> stop_machine(const Machine& machine, std::chrono::seconds timeout);

/// Ends QEMU as it is; the 9P server then writes what it has and ends too.
Outcome<bool> kill_machine(const Machine& machine, std::chrono::seconds timeout);

}  // namespace nineroot::vm
