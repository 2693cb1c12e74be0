#include "storage/make_directories.h"

#include <unistd.h>

#include <algorithm>
#include <string>

#include "storage/descriptor.h"
#include "storage/tree_walk.h"

namespace nineroot::storage {

Result<void> make_directories(int root, Layout layout, std::string_view path,
                              const Ownership& ownership) {
  mapped::Recorded record{.uid = ownership.uid,
                          .gid = ownership.gid,
                          .mode = S_IFDIR | (ownership.mode & 07777U),
                          .rdev = std::nullopt};
  if (layout == Layout::plain && ::geteuid() != 0) {
    record.uid.reset();  // The owner that an ordinary user's plain tree can have is his own.
    record.gid.reset();
  }
  std::string so_far;
  while (true) {
    const std::size_t start = path.find_first_not_of('/');
    if (start == std::string_view::npos) {
      return {};
    }
    path.remove_prefix(start);
    const std::size_t end = std::min(path.find('/'), path.size());
    so_far += "/" + std::string(path.substr(0, end));
    path.remove_prefix(end);
    Place place = TRY(walk(root, layout, so_far, LastSymlink::follow));
    if (place.exists()) {
      const struct stat info = TRY(stat_of(place.inode.get()));
      if (!S_ISDIR(info.st_mode)) {
        return fail(ENOTDIR);
      }
      continue;
    }
    if (is_reserved_name(layout, place.name)) {
      return fail(EINVAL);
    }
    if (::mkdirat(place.parent.get(), place.name.c_str(), mapped::kHostDirMode) != 0) {
      return fail_errno();
    }
    place.inode = TRY(open_inode(place.parent.get(), place.name.c_str()));
    TRY(forget_record(layout, place.parent.get(), place.name));
    TRY(write_record(layout, place.named(), record));
  }
}

}  // namespace nineroot::storage
