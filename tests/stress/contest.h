// Runs operations on two fresh directories, and finds the first in which the two sides differ.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tests/stress/client_limits.h"
#include "tests/stress/operation.h"

namespace nineroot::stress {

struct Arena {
  std::string tested;
  std::string model;
  Cache cache = Cache::local;
  bool is_traced = false;           // print each operation and its answer
  std::size_t tree_interval = 100;  // operations between two comparisons of the whole trees
};

/// Gives the next operation, or nothing at the end.
using Source = std::function<std::optional<Operation>(const Side& model)>;

struct Outcome {
  bool is_equal = true;
  std::vector<Operation> done;  // the last is the one that differed
  std::string difference;
};

/// In a process of its own, so that nothing stays open and a crash is a difference too.  `disturb`,
/// for tests of this program, is called in it after each operation with the model's directory.
Outcome compete(const Arena& arena, const Source& next,
                const std::function<void(const std::string& model)>& disturb = {});

/// Those operations, again and again.
Source source_of(const std::vector<Operation>& operations);

}  // namespace nineroot::stress
