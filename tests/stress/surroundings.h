// What exists on a side now: lets the generator make operations of which most find something.
#pragma once

#include <string>
#include <vector>

#include "tests/stress/side.h"

namespace nineroot::stress {

/// Paths below the root in order of their names; slots in which something is open.
struct Surroundings {
  std::vector<std::string> directories;
  std::vector<std::string> others;
  std::vector<int> slots;
};

Surroundings surroundings_of(const Side& side);

}  // namespace nineroot::stress
