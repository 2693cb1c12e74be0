// Running a machine from its start to its end: the 9P server, QEMU, the console and the agent, all
// owned by the calling process.
#pragma once

#include "base/failure.h"
#include "vm/boot_options.h"
#include "vm/machine.h"

namespace nineroot::vm {

/// Returns 0 when the guest has powered off, or was ended from outside, and all of its data is
/// written.  SIGINT, SIGTERM and SIGHUP ask the guest to power off and end it 90 seconds later at
/// the latest, a second one at once; SIGUSR1 only asks.  To be called from the main thread, before
/// there are others.
Outcome<int> boot(const Machine& machine, const BootOptions& options);

}  // namespace nineroot::vm
