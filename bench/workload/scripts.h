// Steps that are shell scripts: software as people run it.  A script is called three times, as
// `sh SCRIPT prepare|work|check DIRECTORY`; only `work` is timed, and what `check` prints must be
// the same in every place.  It must leave nothing mounted.
#pragma once

#include "bench/workload/plan.h"

namespace nineroot::workload {

Tally script_prepare(const Part& part);
Tally script_work(const Part& part);
Tally script_check(const Part& part);  ///< How many bytes were printed; the sum is of them.

}  // namespace nineroot::workload
