#include "storage/guest_xattrs.h"

#include <sys/xattr.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "base/mapped_format.h"
#include "storage/dataset/origin.h"
#include "storage/descriptor.h"
#include "storage/posix_acl.h"

namespace nineroot::storage {
namespace {

/// Enough for nearly all; else as much as Linux allows (XATTR_LIST_MAX, XATTR_SIZE_MAX).
constexpr std::size_t kUsual = 1024;
constexpr std::size_t kMost = 64U << 10U;

/// The name under which the guest knows a host xattr of this layout; nothing if it has none.
std::optional<std::string> guest_name(Layout layout, std::string_view host_name) {
  if (host_name == kOriginXattr) {  // Ours, and no part of what is copied.
    return std::nullopt;
  }
  if (layout == Layout::mapped_xattr) {
    return mapped::guest_xattr_name(host_name);
  }
  if (host_name.starts_with(mapped::kXattrPrefix)) {
    return std::nullopt;
  }
  // system.* but ACLs, and security.selinux of the host's policy, are the host's own affair.
  const bool is_kept = host_name.starts_with("user.") || host_name == kAccessAclName ||
                       host_name == kDefaultAclName || host_name == "security.capability";
  return is_kept ? std::optional(std::string(host_name)) : std::nullopt;
}

/// What `call(room, size)` gives, called again with all the room there can be if it wants more.
template <class Call>
Result<std::string> read_sized(const Call& call) {
  std::array<char, kUsual> usual;
  ssize_t size = call(usual.data(), usual.size());
  if (size >= 0) {
    return std::string(usual.data(), static_cast<std::size_t>(size));
  }
  if (errno != ERANGE) {
    return fail_errno();
  }
  std::string whole(kMost, '\0');
  size = call(whole.data(), whole.size());
  if (size < 0) {
    return fail_errno();
  }
  whole.resize(static_cast<std::size_t>(size));
  return whole;
}

Result<std::string> list_names(const std::string& path) {
  auto names = read_sized(
      [&path](char* room, std::size_t size) { return ::listxattr(path.c_str(), room, size); });
  if (!names && (names.error() == Errno{EOPNOTSUPP} || names.error() == Errno{EPERM})) {
    return std::string();
  }
  return names;
}

}  // namespace

Result<GuestXattrs> read_guest_xattrs(Layout layout, int inode) {
  const std::string path = path_of(inode);
  const std::string names = TRY(list_names(path));
  GuestXattrs found;
  for (std::size_t at = 0; at < names.size();) {
    const std::string host_name(names.c_str() + at);
    at += host_name.size() + 1;
    std::optional<std::string> name = guest_name(layout, host_name);
    if (!name) {
      continue;
    }
    auto value = read_sized([&path, &host_name](char* room, std::size_t size) {
      return ::getxattr(path.c_str(), host_name.c_str(), room, size);
    });
    if (value) {
      found.emplace_back(std::move(*name), std::move(*value));
    } else if (value.error() != Errno{ENODATA}) {  // ENODATA: removed since it was listed.
      return std::unexpected(value.error());
    }
  }
  std::ranges::sort(found);
  return found;
}

}  // namespace nineroot::storage
