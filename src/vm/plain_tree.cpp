#include "vm/plain_tree.h"

#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/mapped_format.h"

namespace nineroot::vm {
namespace {

namespace fs = std::filesystem;

bool has_owner(const fs::path& path) {
  return ::lgetxattr(path.c_str(), mapped::kXattrUid, nullptr, 0) >= 0 || errno == EACCES;
}

bool records_every_owner(const fs::path& root) {
  if (!has_owner(root)) {
    return false;
  }
  std::error_code error;
  for (fs::directory_iterator at(root, error), end; !error && at != end; at.increment(error)) {
    // Others cannot carry such records.
    const bool can_have_owner =
        !at->is_symlink(error) && (at->is_directory(error) || at->is_regular_file(error));
    if (can_have_owner && !has_owner(at->path())) {
      return false;
    }
  }
  return true;
}

}  // namespace

bool is_own_plain_tree(const fs::path& root, storage::Layout layout) {
  struct stat info{};
  if (::geteuid() == 0 || ::stat(root.c_str(), &info) != 0 || info.st_uid != ::geteuid()) {
    return false;
  }
  return layout == storage::Layout::plain ||
         (layout == storage::Layout::mapped_xattr && !records_every_owner(root));
}

}  // namespace nineroot::vm
