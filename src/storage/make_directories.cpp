#include "storage/make_directories.h"

#include <unistd.h>

#include <algorithm>
#include <string>

#include "storage/descriptor.h"
#include "storage/tree_walk.h"

namespace nineroot::storage {
namespace {

mapped::Recorded record_of(Layout layout, const Ownership& ownership) {
  mapped::Recorded record{.uid = ownership.uid,
                          .gid = ownership.gid,
                          .mode = S_IFDIR | (ownership.mode & 07777U),
                          .rdev = std::nullopt};
  if (layout == Layout::plain && ::geteuid() != 0) {
    record.uid.reset();  // The owner that an ordinary user's plain tree can have is his own.
    record.gid.reset();
  }
  return record;
}

/// Makes the missing directory and opens it.
Result<UniqueFd> make_one(Layout layout, int parent, const std::string& name,
                          const mapped::Recorded& record) {
  if (is_reserved_name(layout, name)) {
    return fail(EINVAL);
  }
  if (::mkdirat(parent, name.c_str(), mapped::kHostDirMode) != 0) {
    return fail_errno();
  }
  UniqueFd inode = TRY(open_inode(parent, name.c_str()));
  TRY(forget_record(layout, parent, name));
  TRY(write_record(layout, {parent, name, inode.get()}, record));
  return inode;
}

/// One step for a name that is no plain directory: a symlink, "..", or a file.
Result<Place> step_by_walk(int root, Layout layout, const std::string& path,
                           const mapped::Recorded& record) {
  Place place = TRY(walk(root, layout, path, LastSymlink::follow));
  if (!place.exists()) {
    place.inode = TRY(make_one(layout, place.parent.get(), place.name, record));
  }
  const struct stat info = TRY(stat_of(place.inode.get()));
  if (!S_ISDIR(info.st_mode)) {
    return fail(ENOTDIR);
  }
  return place;
}

}  // namespace

Result<void> make_directories(int root, Layout layout, std::string_view path,
                              const Ownership& ownership) {
  const mapped::Recorded record = record_of(layout, ownership);
  UniqueFd current = TRY(duplicate(root));
  std::string so_far;
  while (true) {
    const std::size_t start = path.find_first_not_of('/');
    if (start == std::string_view::npos) {
      return {};
    }
    path.remove_prefix(start);
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string name(path.substr(0, end));
    path.remove_prefix(end);
    auto inode = open_inode(current.get(), name.c_str());
    if (!inode && inode.error() == Errno{ENOENT}) {
      inode = make_one(layout, current.get(), name, record);
    }
    if (!inode) {
      return std::unexpected(inode.error());
    }
    const struct stat info = TRY(stat_of(inode->get()));
    if (S_ISDIR(info.st_mode) && name != "..") {
      so_far += "/" + name;
      current = std::move(*inode);
      continue;
    }
    Place place = TRY(step_by_walk(root, layout, so_far + "/" + name, record));
    so_far = place.path == "/" ? "" : place.path;
    current = std::move(place.inode);
  }
}

}  // namespace nineroot::storage
