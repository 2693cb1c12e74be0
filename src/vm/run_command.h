// One command in a machine that is booted for it alone.
#pragma once

#include "base/failure.h"
#include "vm/agent_link.h"
#include "vm/boot_options.h"
#include "vm/machine.h"

namespace nineroot::vm {

/// Boots with the console in a log, runs the command with this process's standard input, output
/// and error, powers off, and returns the command's exit status.  A signal before the command
/// starts powers off too.  To be called before this process has other threads.
Outcome<int> run_in_booted(const Machine& machine, const BootOptions& options,
                           const ExecRequest& request);

}  // namespace nineroot::vm
