// The steps, in their order: each builds on what the steps before it left.
#pragma once

#include <span>
#include <string>

#include "bench/workload/job.h"
#include "bench/workload/tally.h"

namespace nineroot::workload {

/// One process's part: where it works, and one of how many it is.
struct Part {
  const Job* job = nullptr;
  std::string directory;
  unsigned processes = 1;
};

using Work = Tally (*)(const Part&);

enum class Caches {
  as_they_are,
  cold,  ///< The kernel's caches are dropped before.
  warm,  ///< `warm_up` is done before, untimed.
};

struct Step {
  const char* name;
  char tree;  ///< Steps with the same letter work in the same directories.
  unsigned processes;
  Work work;
  Caches caches = Caches::as_they_are;
  Work warm_up = nullptr;
  /// Done after, untimed: its sum replaces the work's, for work that sees nothing of what it
  /// leaves.
  Work check = nullptr;
};

std::span<const Step> plan();

}  // namespace nineroot::workload
