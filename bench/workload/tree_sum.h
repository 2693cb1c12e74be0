// What a tree holds, as one number: so that two places are known to have ended alike.
#pragma once

#include <string>

#include "bench/workload/tally.h"

namespace nineroot::workload {

/// How many names are below `directory`; the sum is of their paths, types, permissions and
/// contents.
Tally tree_sum(const std::string& directory);

}  // namespace nineroot::workload
