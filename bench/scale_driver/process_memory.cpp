#include "bench/scale_driver/process_memory.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string>

#include <fmt/format.h>

namespace nineroot::bench {
namespace {

void add(ProcessMemory& memory, const std::string& field, std::uint64_t bytes) {
  if (field == "Rss:") {
    memory.rss = bytes;
  } else if (field == "Pss:") {
    memory.pss = bytes;
  } else if (field == "Private_Clean:" || field == "Private_Dirty:") {
    memory.private_ += bytes;
  } else if (field == "Anonymous:") {
    memory.anonymous = bytes;
  } else if (field == "RssShmem:") {
    memory.shared_memory = bytes;
  }
}

}  // namespace

ProcessMemory memory_of(pid_t pid) {
  ProcessMemory memory;
  const auto read = [&](const char* name) {
    std::ifstream file(fmt::format("/proc/{}/{}", pid, name));
    for (std::string line; std::getline(file, line);) {
      std::istringstream words(line);
      std::string field;
      std::uint64_t kib = 0;
      if (words >> field >> kib) {
        add(memory, field, kib * 1024);
      }
    }
  };
  read("smaps_rollup");
  read("status");
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
