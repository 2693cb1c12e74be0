#include "storage/dataset/inode_copy.h"

#include <fcntl.h>
#include <sys/xattr.h>

#include <algorithm>
#include <string>
#include <vector>

#include "storage/dataset/origin.h"
#include "storage/descriptor.h"

namespace nineroot::storage {
namespace {

constexpr std::size_t kLongestList = 64U << 10U;   // XATTR_LIST_MAX
constexpr std::size_t kLongestValue = 64U << 10U;  // XATTR_SIZE_MAX

bool is_copied(std::string_view name) {
  return name != kOriginXattr && name != "security.selinux" && name != "security.ima" &&
         name != "security.evm";
}

Result<std::vector<std::string>> names_of(const std::string& path) {
  std::string list(kLongestList, '\0');
  const ssize_t size = ::listxattr(path.c_str(), list.data(), list.size());
  if (size < 0) {
    if (errno == EOPNOTSUPP) {
      return std::vector<std::string>();
    }
    return fail_errno();
  }
  std::vector<std::string> names;
  for (std::size_t at = 0; at < static_cast<std::size_t>(size);) {
    const std::string name(list.c_str() + at);
    at += name.size() + 1;
    if (is_copied(name)) {
      names.push_back(name);
    }
  }
  return names;
}

}  // namespace

Result<void> copy_xattrs(int from, int to) {
  const std::string source = path_of(from);
  const std::string target = path_of(to);
  const std::vector<std::string> names = TRY(names_of(source));
  const std::vector<std::string> others = TRY(names_of(target));
  std::string value;
  for (const std::string& name : names) {
    value.resize(kLongestValue);
    const ssize_t size = ::getxattr(source.c_str(), name.c_str(), value.data(), value.size());
    if (size < 0) {
      return fail_errno();
    }
    if (::setxattr(target.c_str(), name.c_str(), value.data(), static_cast<std::size_t>(size), 0) !=
        0) {
      return fail_errno();
    }
  }
  for (const std::string& name : others) {
    const bool is_kept = std::ranges::find(names, name) != names.end();
    if (!is_kept && ::removexattr(target.c_str(), name.c_str()) != 0) {
      return fail_errno();
    }
  }
  return {};
}

Result<void> copy_owner_mode_times(int parent, const char* name, const struct statx& info) {
  struct stat present{};
  if (::fstatat(parent, name, &present, AT_SYMLINK_NOFOLLOW) != 0) {
    return fail_errno();
  }
  if ((present.st_uid != info.stx_uid || present.st_gid != info.stx_gid) &&
      ::fchownat(parent, name, info.stx_uid, info.stx_gid, AT_SYMLINK_NOFOLLOW) != 0) {
    return fail_errno();
  }
  // A change of the owner clears set-id bits.
  if (!S_ISLNK(info.stx_mode) && ::fchmodat(parent, name, info.stx_mode & 07777U, 0) != 0) {
    return fail_errno();
  }
  const timespec times[2] = {{.tv_sec = info.stx_atime.tv_sec, .tv_nsec = info.stx_atime.tv_nsec},
                             {.tv_sec = info.stx_mtime.tv_sec, .tv_nsec = info.stx_mtime.tv_nsec}};
  if (::utimensat(parent, name, times, AT_SYMLINK_NOFOLLOW) != 0) {
    return fail_errno();
  }
  return {};
}

}  // namespace nineroot::storage
