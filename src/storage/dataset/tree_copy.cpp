#include "storage/dataset/tree_copy.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "storage/copy_data.h"
#include "storage/dataset/inode_copy.h"
#include "storage/dataset/origin.h"
#include "storage/descriptor.h"
#include "storage/directory_names.h"
#include "storage/entry_path.h"
#include "storage/remove_tree.h"

namespace nineroot::storage {
namespace {

/// Levels whose descriptors stay open; deeper trees open the upper ones again on the way back.
constexpr std::size_t kOpenLevels = 128;
constexpr std::size_t kLongestTarget = 4096;
constexpr std::uint64_t kEntriesBetweenCalls = 512;
constexpr unsigned kWanted = STATX_BASIC_STATS;

Result<struct statx> look(int directory, const char* name, int flags) {
  struct statx info{};
  if (::statx(directory, name, flags | AT_NO_AUTOMOUNT, kWanted, &info) != 0) {
    return fail_errno();
  }
  return info;
}

Result<struct statx> look_at_name(int directory, const std::string& name) {
  return look(directory, name.c_str(), AT_SYMLINK_NOFOLLOW);
}

Result<UniqueFd> open_directory(int parent, const char* name) {
  const int fd = ::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) {
    return fail_errno();
  }
  return UniqueFd(fd);
}

using InodeKey = std::pair<std::uint64_t, std::uint64_t>;  // Device, inode.

InodeKey key_of(const struct statx& info) {
  return {(std::uint64_t{info.stx_dev_major} << 32U) | info.stx_dev_minor, info.stx_ino};
}

/// A directory in both trees.
struct Level {
  std::string path;  ///< "" for the root, else "a/b".
  UniqueFd from;
  UniqueFd to;
  InodeKey from_key;
  InodeKey to_key;
  struct statx info{};             ///< Of the source, as seen when it was entered.
  std::vector<std::string> names;  ///< Still to be done.
};

/// A file with several names, where it is in the copy.
struct Linked {
  std::string path;
  std::uint64_t inode = 0;
};

class Pass {
 public:
  Pass(const TreeCopySource& source, int to,
       const std::function<Outcome<void>(const TreeCopyCounts&)>& on_entry)
      : source_(source), to_(to), on_entry_(on_entry) {}

  Outcome<TreeCopyCounts> run();

 private:
  Result<void> begin();
  Result<void> enter(std::string path, UniqueFd from, UniqueFd to);
  Result<void> leave();
  Result<void> reopen_parent(Level& parent, const Level& child);
  Result<void> remove_others(const Level& level);
  Result<void> take(Level& level, const std::string& name);
  Result<void> take_directory(Level& level, const std::string& name, const struct statx& info);
  Result<bool> is_equal(Level& level, const std::string& name, const struct statx& info);
  Result<bool> take_link(Level& level, const std::string& name, const struct statx& info);
  Result<void> make(Level& level, const std::string& name, const struct statx& info);
  Result<void> make_file(Level& level, const std::string& name, const struct statx& info);
  Result<void> make_symlink(Level& level, const std::string& name, const struct statx& info);
  Result<void> finish_inode(int from, int to, const struct statx& info) const;
  Result<UniqueFd> open_in_copy(const std::string& path) const;

  const TreeCopySource& source_;
  int to_;
  const std::function<Outcome<void>(const TreeCopyCounts&)>& on_entry_;
  TreeCopyCounts counts_;
  std::vector<Level> levels_;
  std::map<InodeKey, Linked> linked_;
  std::string present_;  ///< For messages.
};

Outcome<TreeCopyCounts> Pass::run() {
  const auto said = [this](Errno error) {
    return Failure(fmt::format("cannot copy {}/{}", source_.name, printable(present_)), error);
  };
  if (const Result<void> begun = begin(); !begun) {
    return std::unexpected(said(begun.error()));
  }
  while (!levels_.empty()) {
    Level& level = levels_.back();
    if (level.names.empty()) {
      present_ = level.path;
      if (const Result<void> left = leave(); !left) {
        return std::unexpected(said(left.error()));
      }
      continue;
    }
    const std::string name = std::move(level.names.back());
    level.names.pop_back();
    present_ = level.path.empty() ? name : level.path + "/" + name;
    if (const Result<void> taken = take(level, name); !taken) {
      return std::unexpected(said(taken.error()));
    }
    if (++counts_.entries % kEntriesBetweenCalls == 0 && on_entry_) {
      TRY(on_entry_(counts_));
    }
  }
  return counts_;
}

Result<void> Pass::begin() {
  UniqueFd from = TRY(open_directory(source_.root, "."));
  UniqueFd to = TRY(open_directory(to_, "."));
  return enter("", std::move(from), std::move(to));
}

Result<void> Pass::enter(std::string path, UniqueFd from, UniqueFd to) {
  Level level;
  level.path = std::move(path);
  level.from = std::move(from);
  level.to = std::move(to);
  level.info = TRY(look(level.from.get(), "", AT_EMPTY_PATH));
  const struct statx target = TRY(look(level.to.get(), "", AT_EMPTY_PATH));
  level.from_key = key_of(level.info);
  level.to_key = key_of(target);
  if (!source_.left_out.contains(level.path)) {
    level.names = TRY(directory_names(level.from.get()));
  }
  TRY(remove_others(level));
  if (levels_.size() >= kOpenLevels) {
    Level& upper = levels_[levels_.size() - kOpenLevels];
    upper.from.reset();
    upper.to.reset();
  }
  levels_.push_back(std::move(level));
  return {};
}

/// What is in the copy and not in the source.
Result<void> Pass::remove_others(const Level& level) {
  std::vector<std::string> present = TRY(directory_names(level.to.get()));
  if (present.empty()) {
    return {};
  }
  std::vector<std::string> wanted = level.names;
  std::ranges::sort(wanted);
  for (const std::string& name : present) {
    if (!std::ranges::binary_search(wanted, name)) {
      TRY(remove_tree(level.to.get(), name));
      ++counts_.removed;
    }
  }
  return {};
}

/// Last, because making entries changes a directory's times, and its mode may forbid it.
Result<void> Pass::leave() {
  Level level = std::move(levels_.back());
  levels_.pop_back();
  TRY(finish_inode(level.from.get(), level.to.get(), level.info));
  const struct statx after = TRY(look(level.from.get(), "", AT_EMPTY_PATH));
  if (Origin::of(after) != Origin::of(level.info)) {
    ++counts_.unstable;
  }
  TRY(copy_owner_mode_times(level.to.get(), ".", level.info));
  if (!levels_.empty() && !levels_.back().from.is_open()) {
    TRY(reopen_parent(levels_.back(), level));
  }
  return {};
}

Result<void> Pass::reopen_parent(Level& parent, const Level& child) {
  parent.from = TRY(open_directory(child.from.get(), ".."));
  parent.to = TRY(open_directory(child.to.get(), ".."));
  const struct statx from = TRY(look(parent.from.get(), "", AT_EMPTY_PATH));
  const struct statx to = TRY(look(parent.to.get(), "", AT_EMPTY_PATH));
  // A directory that was moved meanwhile has another parent.
  return key_of(from) == parent.from_key && key_of(to) == parent.to_key ? Result<void>{}
                                                                        : fail(ESTALE);
}

Result<void> Pass::take(Level& level, const std::string& name) {
  const Result<struct statx> info = look_at_name(level.from.get(), name);
  if (!info) {
    if (info.error() == Errno{ENOENT}) {
      ++counts_.unstable;
      return remove_tree(level.to.get(), name);
    }
    return std::unexpected(info.error());
  }
  const Result<void> taken =
      S_ISDIR(info->stx_mode) ? take_directory(level, name, *info) : make(level, name, *info);
  if (!taken && (taken.error() == Errno{ENOENT} || taken.error() == Errno{ENOTDIR} ||
                 taken.error() == Errno{ELOOP} || taken.error() == Errno{ESTALE})) {
    ++counts_.unstable;  // Removed or replaced between two looks.
    return remove_tree(level.to.get(), name);
  }
  return taken;
}

Result<void> Pass::take_directory(Level& level, const std::string& name, const struct statx& info) {
  if (::mkdirat(level.to.get(), name.c_str(), 0700) != 0) {
    if (errno != EEXIST) {
      return fail_errno();
    }
    const struct statx present = TRY(look_at_name(level.to.get(), name));
    if (!S_ISDIR(present.stx_mode)) {
      TRY(remove_tree(level.to.get(), name));
      return take_directory(level, name, info);
    }
    if ((present.stx_mode & 0700U) != 0700U &&
        ::fchmodat(level.to.get(), name.c_str(), 0700, 0) != 0) {
      return fail_errno();
    }
  } else {
    ++counts_.made;
  }
  UniqueFd from = TRY(open_directory(level.from.get(), name.c_str()));
  UniqueFd to = TRY(open_directory(level.to.get(), name.c_str()));
  return enter(present_, std::move(from), std::move(to));
}

/// Whether the copy has the file as it is.  What has no xattrs (a symlink, a fifo) is made again.
Result<bool> Pass::is_equal(Level& level, const std::string& name, const struct statx& info) {
  if (!S_ISREG(info.stx_mode)) {
    return false;
  }
  const Result<UniqueFd> present = open_inode(level.to.get(), name.c_str());
  if (!present) {
    return false;
  }
  const struct statx copied = TRY(look(present->get(), "", AT_EMPTY_PATH));
  return S_ISREG(copied.stx_mode) && read_origin(present->get()) == Origin::of(info);
}

/// True if the file is there already as another name of the same inode.
Result<bool> Pass::take_link(Level& level, const std::string& name, const struct statx& info) {
  if (info.stx_nlink < 2 || S_ISDIR(info.stx_mode)) {
    return false;
  }
  const auto known = linked_.find(key_of(info));
  if (known == linked_.end()) {
    return false;
  }
  const Result<struct statx> present = look_at_name(level.to.get(), name);
  if (present && present->stx_ino == known->second.inode) {
    return true;
  }
  if (present) {
    TRY(remove_tree(level.to.get(), name));
  }
  const std::size_t slash = known->second.path.rfind('/');
  const bool is_below = slash != std::string::npos;
  const UniqueFd parent =
      TRY(open_in_copy(is_below ? known->second.path.substr(0, slash) : std::string()));
  const std::string old_name = is_below ? known->second.path.substr(slash + 1) : known->second.path;
  if (::linkat(parent.get(), old_name.c_str(), level.to.get(), name.c_str(), 0) != 0) {
    return fail_errno();
  }
  ++counts_.made;
  return true;
}

Result<UniqueFd> Pass::open_in_copy(const std::string& path) const {
  UniqueFd at = TRY(open_directory(to_, "."));
  for (std::size_t begin = 0; begin < path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    at = TRY(open_directory(at.get(), path.substr(begin, end - begin).c_str()));
    begin = end + 1;
  }
  return at;
}

Result<void> Pass::make(Level& level, const std::string& name, const struct statx& info) {
  const bool is_linked = TRY(take_link(level, name, info));
  if (is_linked) {
    return {};
  }
  const bool is_equal_already = TRY(is_equal(level, name, info));
  if (!is_equal_already) {
    TRY(remove_tree(level.to.get(), name));
    if (S_ISREG(info.stx_mode)) {
      TRY(make_file(level, name, info));
    } else if (S_ISLNK(info.stx_mode)) {
      TRY(make_symlink(level, name, info));
    } else if (::mknodat(level.to.get(), name.c_str(), info.stx_mode & (S_IFMT | 0700U),
                         ::makedev(info.stx_rdev_major, info.stx_rdev_minor)) != 0) {
      return fail_errno();
    }
    TRY(copy_owner_mode_times(level.to.get(), name.c_str(), info));
    ++counts_.made;
  }
  if (info.stx_nlink > 1) {
    const struct statx copied = TRY(look_at_name(level.to.get(), name));
    linked_[key_of(info)] = {.path = present_, .inode = copied.stx_ino};
  }
  return {};
}

Result<void> Pass::make_file(Level& level, const std::string& name, const struct statx& info) {
  const UniqueFd from(
      ::openat(level.from.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!from.is_open()) {
    return fail_errno();
  }
  const struct statx before = TRY(look(from.get(), "", AT_EMPTY_PATH));
  if (key_of(before) != key_of(info)) {
    return fail(ESTALE);
  }
  const UniqueFd to(
      ::openat(level.to.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!to.is_open()) {
    return fail_errno();
  }
  TRY(copy_data(from.get(), to.get(), static_cast<off_t>(before.stx_size)));
  TRY(finish_inode(from.get(), to.get(), before));
  counts_.bytes += before.stx_size;
  const struct statx after = TRY(look(from.get(), "", AT_EMPTY_PATH));
  if (Origin::of(after) != Origin::of(before)) {
    ++counts_.unstable;
  }
  return {};
}

Result<void> Pass::make_symlink(Level& level, const std::string& name, const struct statx&) {
  std::string target(kLongestTarget, '\0');
  const ssize_t size = ::readlinkat(level.from.get(), name.c_str(), target.data(), target.size());
  if (size < 0) {
    return fail_errno();
  }
  target.resize(static_cast<std::size_t>(size));
  if (::symlinkat(target.c_str(), level.to.get(), name.c_str()) != 0) {
    return fail_errno();
  }
  return {};
}

/// Xattrs, and where it comes from: nowhere if it may change without being seen to.
Result<void> Pass::finish_inode(int from, int to, const struct statx& info) const {
  TRY(copy_xattrs(from, to));
  if (!source_.has_origins) {
    return {};
  }
  return write_origin(to, is_settled(info) ? Origin::of(info) : Origin{});
}

}  // namespace

Outcome<TreeCopyCounts> copy_tree(
    const TreeCopySource& source, int to,
    const std::function<Outcome<void>(const TreeCopyCounts&)>& on_entry) {
  return Pass(source, to, on_entry).run();
}

}  // namespace nineroot::storage
