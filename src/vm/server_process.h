// The 9P server of one machine, started as a process of its own and known to listen.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/failure.h"
#include "vm/process.h"

namespace nineroot::vm {

/// Starts `command` (`nineroot serve ...`) with its messages in `log` and returns once it says that
/// its sockets listen.  It inherits `locks`, so that the tree stays locked while it writes.
Outcome<Process> start_server(const std::vector<std::string>& command,
                              const std::filesystem::path& log, const std::vector<int>& locks);

/// The last lines of a log, as the causes of a failure whose sentence is `what`.
[[nodiscard]] Failure failure_with_log(std::string what, const std::filesystem::path& log);

}  // namespace nineroot::vm
