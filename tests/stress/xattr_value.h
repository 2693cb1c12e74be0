// Values of xattrs: arbitrary bytes, or valid ones where the kernel looks into them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace nineroot::stress {

/// `length` bytes for user., trusted. and security. names; a file capability for
/// security.capability and an ACL for system.posix_acl_*, both decided by `value`.
std::vector<std::byte> xattr_value(const std::string& name, std::int64_t length,
                                   std::uint64_t value);

}  // namespace nineroot::stress
