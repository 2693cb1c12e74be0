// The steps, in their order: each builds on what the steps before it left.
#pragma once

#include <string>
#include <vector>

#include "bench/workload/job.h"
#include "bench/workload/tally.h"

namespace nineroot::workload {

struct Step;

/// One process's part: where it works, and one of how many it is.
struct Part {
  const Job* job = nullptr;
  const Step* step = nullptr;
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
  std::string name;
  char tree;  ///< Steps with the same letter work in the same directories.
  unsigned processes;
  Work work;
  Caches caches = Caches::as_they_are;
  Work warm_up = nullptr;
  /// Done after, untimed: its sum replaces the work's, for work that sees nothing of what it
  /// leaves.
  Work check = nullptr;
  std::string script{};  ///< Its path, of a step that is a script.
};

/// Without the steps that the job does not ask for.  The first and the last step with a letter stay
/// where any with it does: they make and remove what it works on.
std::vector<Step> plan(const Job& job);

}  // namespace nineroot::workload
