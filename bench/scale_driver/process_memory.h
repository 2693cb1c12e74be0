// What a process takes, as the kernel counts it.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>

namespace nineroot::bench {

/// Bytes, from /proc/PID/smaps_rollup and status.
struct ProcessMemory {
  std::uint64_t rss = 0;
  std::uint64_t pss = 0;            ///< Shared pages divided by who shares them.
  std::uint64_t private_ = 0;       ///< Nobody else has these pages.
  std::uint64_t anonymous = 0;      ///< Heap and stacks: neither files nor guest memory.
  std::uint64_t shared_memory = 0;  ///< Part of rss: what was touched of the guest's memory.
};

/// Throws std::runtime_error.
[[nodiscard]] ProcessMemory memory_of(pid_t pid);

/// Descriptors that are open.
[[nodiscard]] std::size_t descriptors_of(pid_t pid);

}  // namespace nineroot::bench
