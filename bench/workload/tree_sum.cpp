#include "bench/workload/tree_sum.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>

#include "bench/workload/must.h"

namespace nineroot::workload {
namespace {

/// A file's bytes, or a symlink's target.
std::uint64_t content_sum(const std::string& path, mode_t mode, std::uint64_t seed) {
  static std::array<char, 65536> buffer;
  if (S_ISLNK(mode)) {
    const auto size = must(readlink(path.c_str(), buffer.data(), buffer.size()), "readlink", path);
    return hash_of({buffer.data(), static_cast<std::size_t>(size)}, seed);
  }
  if (!S_ISREG(mode)) {
    return seed;
  }
  const int fd = must(open(path.c_str(), O_RDONLY), "open", path);
  while (const ssize_t got = must(read(fd, buffer.data(), buffer.size()), "read", path)) {
    seed = hash_of({buffer.data(), static_cast<std::size_t>(got)}, seed);
  }
  must(close(fd), "close", path);
  return seed;
}

}  // namespace

Tally tree_sum(const std::string& directory) {
  Tally tally;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    const std::string path = entry.path().string();
    struct stat attributes{};
    must(lstat(path.c_str(), &attributes), "lstat", path);
    const std::uint64_t name = hash_of(std::string_view(path).substr(directory.size()));
    tally +=
        {.operations = 1, .sum = content_sum(path, attributes.st_mode, name) + attributes.st_mode};
  }
  return tally;
}

}  // namespace nineroot::workload
