#include "storage/directory_reader.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "storage/copy_data.h"
#include "storage/descriptor.h"
#include "storage/directory_names.h"
#include "storage/entry_path.h"
#include "storage/file_system.h"
#include "storage/guest_xattrs.h"
#include "storage/inode_record.h"
#include "storage/tree_walk.h"
#include "storage/write_failure.h"

namespace nineroot::storage {
namespace {

/// Levels whose descriptors stay open; deeper trees open the upper ones again on the way back.
constexpr std::size_t kOpenLevels = 256;

}  // namespace

DirectoryReader::DirectoryReader(int root, Layout layout, std::string name, bool squashes_owner)
    : root_(root), layout_(layout), name_(std::move(name)), squashes_owner_(squashes_owner) {
}

Outcome<bool> DirectoryReader::next(Entry& entry) {
  entry = Entry();
  if (!has_begun_) {
    has_begun_ = true;
    file_ = TRY(context(duplicate(root_), "cannot read " + name_));
    entry.path = ".";
    TRY(fill(entry, root_, "", root_));
    UniqueFd root = TRY(context(duplicate(root_), "cannot read " + name_));
    TRY(enter("", std::move(root)));
    return true;
  }
  while (!levels_.empty() && levels_.back().names.empty()) {
    levels_.pop_back();
  }
  if (levels_.empty()) {
    return false;
  }
  const std::string name = std::move(levels_.back().names.back());
  levels_.back().names.pop_back();
  const int parent = TRY(level_fd());
  const std::string path = levels_.back().path + "/" + name;
  file_ = TRY(context(open_inode(parent, name.c_str()),
                      fmt::format("cannot read {}{}", name_, printable(path))));
  entry.path = path;
  present_ = path;
  TRY(fill(entry, parent, name, file_.get()));
  if (S_ISDIR(entry.mode) && !is_kernel_file_system(file_.get())) {
    UniqueFd directory = TRY(context(duplicate(file_.get()), "cannot read " + printable(path)));
    TRY(enter(path, std::move(directory)));
  }
  return true;
}

Outcome<void> DirectoryReader::enter(std::string path, UniqueFd fd) {
  auto names = directory_names(fd.get());
  if (!names) {
    return std::unexpected(
        Failure(fmt::format("cannot read {}{}", name_, printable(path)), names.error())
            .with_hint("copy it as the user who may read all of it, for example through "
                       "`tar -c ... | nineroot create NAME --from -`"));
  }
  std::erase_if(*names, [this](const auto& name) { return is_reserved_name(layout_, name); });
  std::ranges::sort(*names, std::greater<>());  // Taken from the back.
  if (levels_.size() > kOpenLevels) {
    levels_[levels_.size() - kOpenLevels].fd.reset();
  }
  levels_.push_back({std::move(path), std::move(fd), std::move(*names)});
  return {};
}

Outcome<int> DirectoryReader::level_fd() {
  Level& level = levels_.back();
  if (!level.fd.is_open()) {
    level.fd = TRY(context(open_canonical(root_, level.path),
                           fmt::format("cannot read {}{}", name_, printable(level.path))));
  }
  return level.fd.get();
}

Outcome<void> DirectoryReader::fill(Entry& entry, int parent, const std::string& name, int inode) {
  const std::string what = fmt::format("cannot read {}/{}", name_, printable(entry.path));
  struct stat info = TRY(context(stat_of(inode), what));
  const mapped::Recorded record = TRY(context(read_record(layout_, {parent, name, inode}), what));
  const struct stat host = info;
  apply_record(info, record);
  entry.mode = info.st_mode;
  if (name.empty()) {
    owner_ = host.st_uid;
  }
  const bool is_roots = squashes_owner_ && host.st_uid == owner_;
  entry.uid = is_roots && !record.uid ? 0 : info.st_uid;
  entry.gid = is_roots && !record.gid ? 0 : info.st_gid;
  entry.rdev = info.st_rdev;
  entry.size = static_cast<std::uint64_t>(info.st_size);
  entry.mtime = info.st_mtim;
  consumed_ += S_ISREG(info.st_mode) ? entry.size : 0;
  if (!S_ISDIR(info.st_mode) && host.st_nlink > 1) {
    const auto [first, is_new] = linked_.try_emplace({host.st_dev, host.st_ino}, entry.path);
    if (!is_new) {
      entry.is_hard_link = true;
      entry.target = first->second;
      return {};
    }
  }
  if (S_ISLNK(info.st_mode)) {
    entry.target = TRY(context(read_target(layout_, {parent, name, inode}, host), what));
  }
  return take_xattrs(entry, inode);
}

Outcome<void> DirectoryReader::take_xattrs(Entry& entry, int inode) const {
  if (S_ISLNK(entry.mode)) {
    return {};
  }
  const std::string what =
      fmt::format("cannot read the attributes of {}/{}", name_, printable(entry.path));
  entry.xattrs = TRY(context(read_guest_xattrs(layout_, inode), what));
  return {};
}

Outcome<void> DirectoryReader::copy_content(int to) {
  const auto from = reopen(file_.get(), O_RDONLY | O_NONBLOCK);
  const std::string path = present_;
  if (!from) {
    return std::unexpected(
        Failure(fmt::format("cannot read {}{}", name_, printable(path)), from.error())
            .with_hint("copy it as the user who may read all of it, for example through "
                       "`tar -c ... | nineroot create NAME --from -`"));
  }
  const struct stat info =
      TRY(context(stat_of(from->get()), "cannot read " + name_ + printable(path)));
  const auto copied = copy_data(from->get(), to, info.st_size);
  if (!copied) {
    return std::unexpected(write_failure(copied.error(), path));
  }
  return {};
}

}  // namespace nineroot::storage
