// Another program, run to its end.
#pragma once

#include <initializer_list>

#include "bench/workload/tally.h"

namespace nineroot::workload {

/// How many bytes the program printed, and their sum; gives up unless it ended well.
Tally run_child(std::initializer_list<const char*> words);

}  // namespace nineroot::workload
