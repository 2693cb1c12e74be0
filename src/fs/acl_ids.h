// The owners inside the value of a system.posix_acl_* xattr.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/result.h"
#include "fs/id_map.h"

namespace nineroot::fs {

/// A POSIX ACL as xattr (Linux include/uapi/linux/posix_acl_xattr.h): u32 version 2, then entries
/// of u16 tag, u16 permissions, u32 id, little-endian.  Ids count in named users and groups alone.
/// Errors: EPERM a forbidden id; EINVAL no such value.
Result<std::vector<std::byte>> acl_to_host(const IdMap& map, std::span<const std::byte> acl);

/// What is no such value is left as it is.
std::vector<std::byte> acl_to_guest(const IdMap& map, std::span<const std::byte> acl);

}  // namespace nineroot::fs
