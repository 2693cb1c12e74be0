// What an init has to do around the work, when the program is the only one of a guest whose root is
// the host's own, read-only.
#pragma once

#include "bench/workload/job.h"

namespace nineroot::workload {

/// Mounts /proc and the job's places.
void enter_guest(const Job& job);

/// Unmounts the places and powers off; the answer of each unmount is part of the benchmark.
[[noreturn]] void leave_guest(const Job& job);

}  // namespace nineroot::workload
