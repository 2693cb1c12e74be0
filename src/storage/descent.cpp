#include "storage/descent.h"

#include <fcntl.h>

#include "storage/descriptor.h"

namespace nineroot::storage {
namespace {

/// Two walks side by side stay far below the usual limit of 1,024.
constexpr std::size_t kOpenLevels = 64;

constexpr int kFlags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

}  // namespace

Result<void> Descent::enter(UniqueFd directory, std::string name) {
  const struct stat info = TRY(stat_of(directory.get()));
  levels_.push_back({std::move(directory), std::move(name), info.st_dev, info.st_ino});
  if (levels_.size() > kOpenLevels) {
    levels_[levels_.size() - kOpenLevels - 1].fd.reset();
  }
  return {};
}

Result<void> Descent::leave() {
  const Level left = std::move(levels_.back());
  levels_.pop_back();
  if (levels_.empty() || levels_.back().fd.is_open()) {
    return {};
  }
  return reopen_last(left.fd.get());
}

Result<void> Descent::reopen_last(int below) {
  Level& last = levels_.back();
  const auto is_it = [&last](const UniqueFd& fd) {
    const auto info = stat_of(fd.get());
    return info && info->st_dev == last.device && info->st_ino == last.number;
  };
  // Whatever ".." leads to is taken only if it is the directory that we came through.
  UniqueFd above(::openat(below, "..", kFlags));
  if (!above.is_open() || !is_it(above)) {
    auto found = open_last();
    if (!found || !is_it(*found)) {
      return fail(ESTALE);
    }
    above = std::move(*found);
  }
  last.fd = std::move(above);
  return {};
}

Result<UniqueFd> Descent::open_last() const {
  UniqueFd current = TRY(duplicate(root_));
  for (const Level& level : levels_) {
    const int next = ::openat(current.get(), level.name.c_str(), kFlags);
    if (next < 0) {
      return fail_errno();
    }
    current.reset(next);
  }
  return current;
}

}  // namespace nineroot::storage
