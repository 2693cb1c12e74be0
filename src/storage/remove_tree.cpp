#include "storage/remove_tree.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vector>

#include <fmt/format.h>

#include "base/unique_fd.h"
#include "storage/directory_names.h"

namespace nineroot::storage {
namespace {

/// Directories deeper than this are moved up to the top first, so that neither the stack nor the
/// descriptors grow with a tree's depth.
constexpr int kDeepest = 64;

class Remover {
 public:
  explicit Remover(int top) : top_(top) {}

  Result<void> remove(int directory, const std::string& name, int depth) {
    if (::unlinkat(directory, name.c_str(), 0) == 0 || errno == ENOENT) {
      return {};
    }
    if (errno != EISDIR && errno != EPERM) {
      return fail_errno();
    }
    if (::unlinkat(directory, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) {
      return {};
    }
    if (errno != ENOTEMPTY && errno != EEXIST && errno != EACCES) {
      return fail_errno();
    }
    if (depth >= kDeepest) {
      return move_up(directory, name);
    }
    const UniqueFd inner = TRY(open_directory(directory, name));
    TRY(empty(inner.get(), depth));
    if (::unlinkat(directory, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) {
      return fail_errno();
    }
    return {};
  }

  /// Removes what was moved up, and what that moves up in turn.
  Result<void> remove_moved() {
    while (!moved_.empty()) {
      const std::string name = std::move(moved_.back());
      moved_.pop_back();
      TRY(remove(top_, name, 0));
    }
    return {};
  }

 private:
  Result<void> empty(int directory, int depth) {
    const std::vector<std::string> names = TRY(directory_names(directory));
    for (const std::string& name : names) {
      TRY(remove(directory, name, depth + 1));
    }
    return {};
  }

  static Result<UniqueFd> open_directory(int directory, const std::string& name) {
    constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int fd = ::openat(directory, name.c_str(), kFlags);
    struct stat info{};
    const bool is_locked = fd >= 0 && ::fstat(fd, &info) == 0 && (info.st_mode & 0300U) != 0300U;
    if ((fd < 0 && errno == EACCES) || is_locked) {
      [[maybe_unused]] const int unlocked = ::fchmodat(directory, name.c_str(), 0700, 0);
    }
    if (fd < 0) {
      fd = ::openat(directory, name.c_str(), kFlags);
    }
    if (fd < 0) {
      return fail_errno();
    }
    return UniqueFd(fd);
  }

  Result<void> move_up(int directory, const std::string& name) {
    std::string moved = fmt::format(".nineroot-removed-{}-{}", ::getpid(), ++moves_);
    if (::renameat(directory, name.c_str(), top_, moved.c_str()) != 0) {
      return fail_errno();
    }
    moved_.push_back(std::move(moved));
    return {};
  }

  int top_;
  int moves_ = 0;
  std::vector<std::string> moved_;
};

}  // namespace

Result<void> remove_tree(int directory, const std::string& name) {
  // Moved directories wait beside the tree, so that they are found even if this is interrupted.
  Remover remover(directory);
  TRY(remover.remove(directory, name, 0));
  return remover.remove_moved();
}

Result<void> remove_tree(const std::string& path) {
  const std::size_t end = path.find_last_not_of('/');
  if (end == std::string::npos) {
    return fail(EINVAL);
  }
  const std::string whole = path.substr(0, end + 1);
  const std::size_t slash = whole.rfind('/');
  const std::string parent = slash == std::string::npos ? "." : whole.substr(0, slash + 1);
  const std::string name = slash == std::string::npos ? whole : whole.substr(slash + 1);
  const UniqueFd directory(::open(parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory.is_open()) {
    if (errno == ENOENT) {
      return {};
    }
    return fail_errno();
  }
  return remove_tree(directory.get(), name);
}

}  // namespace nineroot::storage
