// Memory mappings of open files.  A page beyond the file's end would kill the program, so what is
// touched is bounded by the size that the file has now.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "tests/stress/side.h"

namespace nineroot::stress {
namespace {

constexpr std::int64_t kPage = 4096;
constexpr std::int64_t kMostMapped = 64 * kPage;

}  // namespace

Answer Side::do_map(const Operation& op, int file) {
  Map& map = maps_.at(static_cast<std::size_t>(op.other));
  struct stat status{};
  if (::fstat(file, &status) != 0) {
    return answer_of(-1);
  }
  // From the file's start, so that a size is enough to know what may be touched.
  const std::int64_t size = std::min(status.st_size / kPage * kPage, kMostMapped);
  if (!S_ISREG(status.st_mode) || size == 0) {
    return "nothing to map";
  }
  const int protection = (op.flags & 1U) != 0 ? PROT_READ | PROT_WRITE : PROT_READ;
  const int sharing = (op.flags & 2U) != 0 ? MAP_SHARED : MAP_PRIVATE;
  void* address = ::mmap(nullptr, static_cast<std::size_t>(size), protection, sharing, file, 0);
  if (address == MAP_FAILED) {
    return answer_of(-1);
  }
  if (map.address != nullptr) {
    ::munmap(map.address, map.size);
  }
  map = {.address = static_cast<std::byte*>(address),
         .size = static_cast<std::size_t>(size),
         .protection = protection,
         .is_shared = sharing == MAP_SHARED,
         .file = UniqueFd(::dup(file)),
         .user = op.user};
  return std::to_string(size);
}

Answer Side::do_mapped(const Operation& op) {
  Map& map = maps_.at(static_cast<std::size_t>(op.other));
  if (map.address == nullptr) {
    return "empty";
  }
  struct stat status{};
  if (::fstat(map.file.get(), &status) != 0) {
    return answer_of(-1);
  }
  const std::int64_t within = std::min(static_cast<std::int64_t>(map.size), status.st_size);
  const std::int64_t begin = std::min(op.offset, within);
  const auto size = static_cast<std::size_t>(std::min(op.length, within - begin));
  switch (op.kind) {
    case Kind::map_read: {
      char text[32];
      std::snprintf(text, sizeof text, "hash %016llx",
                    static_cast<unsigned long long>(hash_of(map.address + begin, size)));
      return text;
    }
    case Kind::map_write:
      if ((map.protection & PROT_WRITE) == 0) {
        return "read-only";
      }
      fill(map.address + begin, size, begin, op.value);
      // When a stored page shows a new time is left open by POSIX until here.
      return map.is_shared ? answer_of(::msync(map.address, map.size, MS_SYNC)) : "0";
    case Kind::map_sync:
      return answer_of(::msync(map.address, map.size, MS_SYNC));
    default: {
      const long result = ::munmap(map.address, map.size);
      map = {};
      return answer_of(result);
    }
  }
}

}  // namespace nineroot::stress
