// The steps that other programs do: tar and git, as the host has them.  In a guest they come from
// the host's own root, which is mounted there; only their data is on the place that is measured.
#pragma once

#include <string>

#include "bench/workload/tally.h"

namespace nineroot::workload {

/// A repository in a tar file, and where it goes: `directory`/repository.
struct Repository {
  std::string archive;
  std::string directory;
};

Tally unpack(const Repository& repository);  ///< tar -x.
Tally pack(const Repository& repository);    ///< tar -c into a pipe; the sum is of its bytes.
/// Runs a program, `count` times, and waits for each.
struct Execution {
  std::string program;
  unsigned count = 0;
};

Tally copy_self(const std::string& program);  ///< This program's file, to be run.
Tally execute(const Execution& execution);    ///< Gives up unless it ends well each time.

Tally git_status(const Repository& repository);  ///< Gives up unless git calls the tree clean.

}  // namespace nineroot::workload
