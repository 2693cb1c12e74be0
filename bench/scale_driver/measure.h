// What is measured, as a line of JSON each: the time of a row's operation, or bytes.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

namespace nineroot::bench {

/// Nanoseconds per operation.
struct Cost {
  double elapsed = 0;
  double cpu = 0;
};

/// What `work` costs, divided by `count`.  `cpu` gives nanoseconds of CPU so far.
[[nodiscard]] Cost cost_of(unsigned count, const std::function<std::uint64_t()>& cpu,
                           const std::function<void()>& work);

/// By this thread.
[[nodiscard]] std::uint64_t own_cpu();

void print_cost(std::string_view row, std::string_view variant, const Cost& cost);
void print_number(std::string_view row, std::string_view unit, double number);

}  // namespace nineroot::bench
