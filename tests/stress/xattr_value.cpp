#include "tests/stress/xattr_value.h"

#include <algorithm>

#include "tests/stress/side.h"

namespace nineroot::stress {
namespace {

constexpr std::int64_t kLongest = 4000;

void put(std::vector<std::byte>& to, std::uint64_t number, int bytes) {
  for (int i = 0; i < bytes; ++i) {
    to.push_back(static_cast<std::byte>(number >> (8U * static_cast<unsigned>(i))));
  }
}

// vfs_cap_data of revision 2, with the effective bit (linux/capability.h).
std::vector<std::byte> capability(std::uint64_t value) {
  std::vector<std::byte> bytes;
  put(bytes, 0x02000001, 4);
  for (int i = 0; i < 4; ++i) {
    put(bytes, i == 0 ? value & 0xffU : 0, 4);
  }
  return bytes;
}

struct AclEntry {
  std::uint16_t tag;
  std::uint32_t id;
};

// posix_acl_xattr of version 2: owner, one named user, group, one named group, mask, others
// (linux/posix_acl_xattr.h).
std::vector<std::byte> acl(std::uint64_t value) {
  constexpr std::uint32_t kNone = UINT32_MAX;
  constexpr AclEntry kEntries[] = {{1, kNone}, {2, 1001},   {4, kNone},
                                   {8, 2000},  {16, kNone}, {32, kNone}};
  std::vector<std::byte> bytes;
  put(bytes, 2, 4);
  for (const AclEntry& entry : kEntries) {
    put(bytes, entry.tag, 2);
    put(bytes, value & 7U, 2);
    put(bytes, entry.id, 4);
    value >>= 3U;
  }
  return bytes;
}

}  // namespace

std::vector<std::byte> xattr_value(const std::string& name, std::int64_t length,
                                   std::uint64_t value) {
  if (name == "security.capability") {
    return capability(value);
  }
  if (name.starts_with("system.posix_acl")) {
    return acl(value);
  }
  std::vector<std::byte> bytes(
      static_cast<std::size_t>(std::clamp<std::int64_t>(length, 0, kLongest)));
  fill(bytes.data(), bytes.size(), 0, value);
  return bytes;
}

}  // namespace nineroot::stress
