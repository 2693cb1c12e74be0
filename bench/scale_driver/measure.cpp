#include "bench/scale_driver/measure.h"

#include <ctime>

#include <fmt/format.h>

namespace nineroot::bench {
namespace {

std::uint64_t now(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(time.tv_nsec);
}

}  // namespace

Cost cost_of(unsigned count, const std::function<std::uint64_t()>& cpu,
             const std::function<void()>& work) {
  const std::uint64_t cpu_before = cpu();
  const std::uint64_t start = now(CLOCK_MONOTONIC);
  work();
  const std::uint64_t end = now(CLOCK_MONOTONIC);
  return {.elapsed = static_cast<double>(end - start) / count,
          .cpu = static_cast<double>(cpu() - cpu_before) / count};
}

std::uint64_t own_cpu() {
  return now(CLOCK_THREAD_CPUTIME_ID);
}

void print_cost(std::string_view row, std::string_view variant, const Cost& cost) {
  fmt::print("{{\"row\": \"{}\", \"variant\": \"{}\", \"ns\": {:.0f}, \"cpu_ns\": {:.0f}}}\n", row,
             variant, cost.elapsed, cost.cpu);
}

void print_number(std::string_view row, std::string_view unit, double number) {
  fmt::print("{{\"row\": \"{}\", \"unit\": \"{}\", \"value\": {:.1f}}}\n", row, unit, number);
}

}  // namespace nineroot::bench
