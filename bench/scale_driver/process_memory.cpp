#include "bench/scale_driver/process_memory.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <stdexcept>
#include <string>

#include <fmt/format.h>

namespace nineroot::bench {

ProcessMemory memory_of(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/smaps_rollup", pid));
  file.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  ProcessMemory memory;
  std::string field;
  std::string unit;
  for (std::uint64_t kib = 0; file >> field >> kib >> unit;) {
    const std::uint64_t bytes = kib * 1024;
    if (field == "Rss:") {
      memory.rss = bytes;
    } else if (field == "Pss:") {
      memory.pss = bytes;
    } else if (field == "Private_Clean:" || field == "Private_Dirty:") {
      memory.private_ += bytes;
    } else if (field == "Anonymous:") {
      memory.anonymous = bytes;
    }
  }
  if (memory.rss == 0) {
    throw std::runtime_error("the kernel does not tell what the server takes");
  }
  return memory;
}

std::size_t descriptors_of(pid_t pid) {
  const std::filesystem::directory_iterator listed(fmt::format("/proc/{}/fd", pid));
  return static_cast<std::size_t>(std::distance(begin(listed), end(listed)));
}

}  // namespace nineroot::bench
