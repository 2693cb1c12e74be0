// POSIX.1e ACLs and their form as an xattr value: <linux/posix_acl_xattr.h>, version 2,
// little-endian.  Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace nineroot::storage {

struct AclEntry {
  /// The tags of <linux/posix_acl.h>.
  enum class Tag : std::uint16_t {
    user_obj = 0x01,
    user = 0x02,
    group_obj = 0x04,
    group = 0x08,
    mask = 0x10,
    other = 0x20,
  };

  Tag tag = Tag::user_obj;
  std::uint16_t permissions = 0;  ///< rwx, as in a mode's lowest digit.
  std::uint32_t id = 0;           ///< Of user and group entries.
  std::string name;               ///< Of user and group entries whose id is not known.

  bool operator==(const AclEntry&) const = default;
};

using PosixAcl = std::vector<AclEntry>;

inline constexpr const char* kAccessAclName = "system.posix_acl_access";
inline constexpr const char* kDefaultAclName = "system.posix_acl_default";

/// True if some entry has only a name.
[[nodiscard]] bool needs_names(const PosixAcl& acl);

/// The xattr's value, in the kernel's order.  Adds the mask that named entries require.
[[nodiscard]] std::string encode_acl(PosixAcl acl);

/// True for a value that the kernel would take: version 2, whole entries, known tags.
[[nodiscard]] bool is_encoded_acl(std::string_view value);

/// `mode` with the permission bits that the access ACL implies; its group bits are the mask.
[[nodiscard]] std::uint32_t mode_with_acl(std::uint32_t mode, const PosixAcl& acl);

}  // namespace nineroot::storage
