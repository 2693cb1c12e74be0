// Finds a short sequence of operations that still fails.
#pragma once

#include <functional>
#include <vector>

#include "tests/stress/operation.h"

namespace nineroot::stress {

/// Leaves out ever smaller pieces as long as `fails` says that the rest still fails (delta
/// debugging: Zeller and Hildebrandt 2002).  `has_time` false ends it early, with what was reached.
std::vector<Operation> minimise(std::vector<Operation> operations,
                                const std::function<bool(const std::vector<Operation>&)>& fails,
                                const std::function<bool()>& has_time);

}  // namespace nineroot::stress
