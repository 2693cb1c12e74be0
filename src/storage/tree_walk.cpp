#include "storage/tree_walk.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <vector>

#include "storage/descriptor.h"

namespace nineroot::storage {
namespace {

/// Appends the components of `path` to `pending`, which is a stack: the first one on top.
void push_components(std::vector<std::string>& pending, std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    const std::size_t end = path.find('/');
    if (end != 0) {
      parts.emplace_back(path.substr(0, end));
    }
    path.remove_prefix(end == std::string_view::npos ? path.size() : end + 1);
  }
  pending.insert(pending.end(), std::make_move_iterator(parts.rbegin()),
                 std::make_move_iterator(parts.rend()));
}

class Walker {
 public:
  Walker(int root, Layout layout, LastSymlink last) : root_(root), layout_(layout), last_(last) {}

  Result<Place> run(std::string_view path) {
    if (path.find('\0') != std::string_view::npos) {
      return fail(EINVAL);
    }
    current_ = TRY(duplicate(root_));
    push_components(pending_, path);
    while (!pending_.empty()) {
      std::string name = std::move(pending_.back());
      pending_.pop_back();
      if (name == ".") {
        continue;
      }
      if (name == "..") {
        TRY(go_up());
        continue;
      }
      Place place;
      const bool is_done = TRY(step(std::move(name), place));
      if (is_done) {
        return place;
      }
    }
    return here();
  }

 private:
  /// Descriptors of the way down are not kept (paths can be deeper than their limit), so going up
  /// walks down again from the root; ".." of the kernel could lead out of a tree that moves.
  Result<void> go_up() {
    if (path_.empty()) {
      return {};
    }
    path_.resize(path_.rfind('/'));
    current_ = TRY(open_canonical(root_, path_));
    return {};
  }

  /// Goes one component on; true when `place` is the answer.
  Result<bool> step(std::string name, Place& place) {
    if (name.size() > kLongestName) {
      return fail(ENAMETOOLONG);
    }
    const bool is_last = pending_.empty();
    auto inode = is_reserved_name(layout_, name) ? Result<UniqueFd>(fail(ENOENT))
                                                 : open_inode(current_.get(), name.c_str());
    if (!inode) {
      if (is_last && inode.error() == Errno{ENOENT}) {
        place = {std::move(current_), name, UniqueFd(), path_ + "/" + name};
        return true;
      }
      return std::unexpected(inode.error());
    }
    const struct stat info = TRY(stat_of(inode->get()));
    if (S_ISDIR(info.st_mode) && !is_last) {
      current_ = std::move(*inode);
      path_ += "/" + name;
      return false;
    }
    if (!S_ISDIR(info.st_mode) && (!is_last || last_ == LastSymlink::follow)) {
      auto target = read_target(layout_, {current_.get(), name, inode->get()}, info);
      if (target) {
        TRY(follow(*target));
        return false;
      }
      if (target.error() != Errno{EINVAL}) {
        return std::unexpected(target.error());
      }
      if (!is_last) {
        return fail(ENOTDIR);
      }
    }
    place = {std::move(current_), name, std::move(*inode), path_ + "/" + name};
    return true;
  }

  Result<void> follow(const std::string& target) {
    if (++links_ > kMostSymlinks) {
      return fail(ELOOP);
    }
    if (target.empty()) {
      return fail(ENOENT);
    }
    if (target.front() == '/') {
      path_.clear();
      current_ = TRY(duplicate(root_));
    }
    push_components(pending_, target);
    return {};
  }

  /// The directory that was reached, when the path did not end in a name of its own.
  Result<Place> here() {
    Place place;
    place.path = path_.empty() ? "/" : path_;
    if (path_.empty()) {
      place.parent = TRY(duplicate(root_));
    } else {
      const std::size_t slash = path_.rfind('/');
      place.name = path_.substr(slash + 1);
      place.parent = TRY(open_canonical(root_, std::string_view(path_).substr(0, slash)));
    }
    place.inode = std::move(current_);
    return place;
  }

  int root_;
  Layout layout_;
  LastSymlink last_;
  int links_ = 0;
  UniqueFd current_;
  std::string path_;  ///< Of current_; empty for the root.
  std::vector<std::string> pending_;
};

}  // namespace

Result<Place> walk(int root, Layout layout, std::string_view path, LastSymlink last) {
  return Walker(root, layout, last).run(path);
}

Result<UniqueFd> open_canonical(int root, std::string_view path) {
  UniqueFd current = TRY(duplicate(root));
  std::vector<std::string> names;
  push_components(names, path);
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    const int next =
        ::openat(current.get(), name->c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (next < 0) {
      return fail_errno();
    }
    current.reset(next);
  }
  return current;
}

Result<std::string> read_target(Layout layout, const NamedInode& at, const struct stat& info) {
  if (S_ISLNK(info.st_mode)) {
    std::array<char, kLongestTarget + 1> room{};
    const ssize_t size = ::readlinkat(at.inode, "", room.data(), room.size());
    if (size < 0) {
      return fail_errno();
    }
    return std::string(room.data(), static_cast<std::size_t>(size));
  }
  if (layout == Layout::plain || !S_ISREG(info.st_mode)) {
    return fail(EINVAL);
  }
  const mapped::Recorded record = TRY(read_record(layout, at));
  if (!S_ISLNK(mapped::effective_mode(info.st_mode, record.mode))) {
    return fail(EINVAL);
  }
  const UniqueFd file = TRY(reopen(at.inode, O_RDONLY));
  auto target = read_all(file.get(), kLongestTarget);
  if (!target && target.error() == Errno{EFBIG}) {
    return fail(ENAMETOOLONG);
  }
  return target;
}

}  // namespace nineroot::storage
