#include "storage/tree_scan.h"

#include <fcntl.h>

#include "storage/descriptor.h"
#include "storage/directory_names.h"
#include "storage/entry_path.h"
#include "storage/file_system.h"

namespace nineroot::storage {

Outcome<bool> TreeScan::next(Scanned& found) {
  if (!has_begun_) {
    has_begun_ = true;
    found = {.name = {}, .directory = 0, .host = {}};
    found.host = TRY(context(stat_of(root_), "cannot read " + name_));
    is_pending_ = true;
    pending_.clear();
    return true;
  }
  if (is_pending_) {
    is_pending_ = false;
    TRY(enter(pending_));
  }
  while (!levels_.empty()) {
    Level& level = levels_.back();
    if (level.names.empty()) {
      levels_.pop_back();
      const auto left = descent_.leave();
      if (!left) {
        return cannot_read("", left.error());
      }
      continue;
    }
    found.name = std::move(level.names.back());
    level.names.pop_back();
    found.directory = level.number;
    if (::fstatat(descent_.fd(), found.name.c_str(), &found.host, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) {
        continue;
      }
      return cannot_read(found.name, Errno{errno});
    }
    is_pending_ = S_ISDIR(found.host.st_mode);
    pending_ = is_pending_ ? found.name : std::string();
    return true;
  }
  return false;
}

Result<UniqueFd> TreeScan::open(const Scanned& found, int flags) const {
  const int fd = ::openat(descent_.fd(), found.name.c_str(),
                          flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (fd < 0) {
    return fail_errno();
  }
  return UniqueFd(fd);
}

Outcome<void> TreeScan::enter(const std::string& name) {
  const std::uint64_t number = directories_++;
  const std::string step = name.empty() ? "." : name;
  const int fd =
      ::openat(descent_.fd(), step.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) {
    // Vanished, or became something else, since it was found.
    return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? Outcome<void>()
                                                                 : cannot_read(name, Errno{errno});
  }
  UniqueFd directory(fd);
  if (is_kernel_file_system(fd)) {
    return {};
  }
  auto names = directory_names(fd);
  if (!names && names.error() == Errno{EACCES}) {
    ++unreadable_;
    return {};
  }
  if (!names) {
    return names.error() == Errno{ENOENT} ? Outcome<void>() : cannot_read(name, names.error());
  }
  const auto entered = descent_.enter(std::move(directory), step);
  if (!entered) {
    return cannot_read(name, entered.error());
  }
  levels_.push_back({.number = number, .names = std::move(*names)});
  return {};
}

std::unexpected<Failure> TreeScan::cannot_read(const std::string& name, Errno cause) const {
  return failure(cause, "cannot read {} in {}", name.empty() ? "a directory" : printable(name),
                 name_);
}

}  // namespace nineroot::storage
