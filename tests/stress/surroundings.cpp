#include "tests/stress/surroundings.h"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>

#include "tests/stress/directory_list.h"

namespace nineroot::stress {
namespace {

constexpr std::size_t kPiece = 32768;
constexpr int kDepth = 6;

void add(int directory, const std::string& prefix, int depth, Surroundings& found) {
  for_each_name(directory, kPiece, [&](const std::string& name, unsigned char type) {
    const std::string path = prefix + name;
    if (type != DT_DIR) {
      found.others.push_back(path);
      return;
    }
    found.directories.push_back(path);
    const UniqueFd inner(
        ::openat(directory, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (inner.is_open() && depth < kDepth) {
      add(inner.get(), path + "/", depth + 1, found);
    }
  });
}

}  // namespace

Surroundings surroundings_of(const Side& side) {
  Surroundings found;
  add(side.root(), "", 0, found);
  // A file system's own order is not the same every time.
  std::ranges::sort(found.directories);
  std::ranges::sort(found.others);
  for (int slot = 0; slot < kSlots; ++slot) {
    if (side.descriptor(slot) >= 0) {
      found.slots.push_back(slot);
    }
  }
  return found;
}

}  // namespace nineroot::stress
