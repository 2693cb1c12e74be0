// fs_stress: the same random operations on two directories, compared.
//
//   fs_stress [--seed N] [--seeds N] [--operations N] [--cache local|none|mmap|loose] TESTED MODEL
//   fs_stress --replay FILE [--trace] [--cache ...] TESTED MODEL
//
// TESTED is on the file system under test, MODEL on one that is right; both get a directory run.
// --cache tells the cache mode of Linux's 9P client under TESTED, whose own limits are then left
// out.  Exits 1 if the two differ, after it printed a short sequence that shows it: lines for
// --replay.
#include <chrono>
#include <cstdio>
#include <fstream>
#include <sstream>

#include <CLI/CLI.hpp>

#include "tests/stress/contest.h"
#include "tests/stress/generator.h"
#include "tests/stress/minimise.h"

namespace {

using namespace nineroot::stress;

constexpr std::chrono::seconds kMinimising{240};

struct Arguments {
  std::uint64_t seed = 1;
  std::uint64_t seeds = 1;
  std::size_t operations = 1000;
  std::string replay;
  std::string cache = "local";
  Arena arena;
};

std::vector<Operation> operations_in(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return parse_operations(text.str()).value_or(std::vector<Operation>());
}

Outcome compete_at_random(const Arguments& arguments) {
  return compete(arguments.arena, [generator = Generator(arguments.seed),
                                   left = arguments.operations](const Side& model) mutable {
    return left-- > 0 ? std::optional(generator.next(model)) : std::nullopt;
  });
}

int tell_difference(const Arguments& arguments, const Outcome& outcome) {
  std::printf("seed %llu differs at operation %zu: %s",
              static_cast<unsigned long long>(arguments.seed), outcome.done.size(),
              outcome.difference.c_str());
  std::fflush(stdout);
  Arena arena = arguments.arena;
  arena.is_traced = false;
  arena.tree_interval = outcome.done.size() + 1;
  const auto end = std::chrono::steady_clock::now() + kMinimising;
  const auto fails = [&arena](const std::vector<Operation>& some) {
    return !compete(arena, source_of(some)).is_equal;
  };
  const std::vector<Operation> operations =
      minimise(outcome.done, fails, [end] { return std::chrono::steady_clock::now() < end; });
  const Outcome last = compete(arena, source_of(operations));
  std::printf("--- %zu operations are enough:\n%s---\n%s", operations.size(),
              to_text(operations).c_str(), last.difference.c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("The same random operations on two directories, compared");
  app.add_option("--seed", arguments.seed);
  app.add_option("--seeds", arguments.seeds, "How many, from that one on");
  app.add_option("--operations", arguments.operations);
  app.add_option("--interval", arguments.arena.tree_interval,
                 "Operations between two comparisons of the trees")
      ->check(CLI::PositiveNumber);
  app.add_flag("--trace", arguments.arena.is_traced, "Print each operation and what it gave");
  app.add_option("--replay", arguments.replay);
  app.add_option("--cache", arguments.cache)
      ->check(CLI::IsMember({"local", "none", "mmap", "loose"}));
  app.add_option("tested", arguments.arena.tested)->required();
  app.add_option("model", arguments.arena.model)->required();
  CLI11_PARSE(app, argc, argv);
  arguments.arena.cache = *cache_named(arguments.cache);
  const std::vector<Operation> replayed =
      arguments.replay.empty() ? std::vector<Operation>() : operations_in(arguments.replay);
  if (!arguments.replay.empty() && replayed.empty()) {
    std::fprintf(stderr, "fs_stress: no operations in %s\n", arguments.replay.c_str());
    return 2;
  }
  int result = 0;
  const std::uint64_t end = arguments.seed + (replayed.empty() ? arguments.seeds : 1);
  for (; arguments.seed < end; ++arguments.seed) {
    const Outcome outcome = replayed.empty() ? compete_at_random(arguments)
                                             : compete(arguments.arena, source_of(replayed));
    if (!outcome.is_equal) {
      result = tell_difference(arguments, outcome);
      continue;
    }
    std::printf("seed %llu: %zu operations, equal\n",
                static_cast<unsigned long long>(arguments.seed), outcome.done.size());
    std::fflush(stdout);
  }
  return result;
}
