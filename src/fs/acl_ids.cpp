#include "fs/acl_ids.h"

#include <cstring>
#include <optional>

#include <endian.h>

namespace nineroot::fs {
namespace {

constexpr std::uint32_t kVersion = 2;
constexpr std::size_t kHeaderSize = 4;
constexpr std::size_t kEntrySize = 8;
constexpr std::size_t kIdAt = 4;
constexpr std::uint16_t kTagUser = 0x02;
constexpr std::uint16_t kTagGroup = 0x08;

bool is_acl(std::span<const std::byte> acl) {
  std::uint32_t version = 0;
  if (acl.size() < kHeaderSize || (acl.size() - kHeaderSize) % kEntrySize != 0) {
    return false;
  }
  std::memcpy(&version, acl.data(), sizeof(version));
  return le32toh(version) == kVersion;
}

/// Gives the id of each named entry to `translate`, and keeps what that returns.
template <class Translate>
Result<std::vector<std::byte>> with_ids(std::span<const std::byte> acl, Translate translate) {
  std::vector<std::byte> result(acl.begin(), acl.end());
  for (std::size_t at = kHeaderSize; at < result.size(); at += kEntrySize) {
    std::uint16_t tag = 0;
    std::uint32_t id = 0;
    std::memcpy(&tag, &result[at], sizeof(tag));
    std::memcpy(&id, &result[at + kIdAt], sizeof(id));
    tag = le16toh(tag);
    if (tag != kTagUser && tag != kTagGroup) {
      continue;
    }
    id = TRY(translate(tag == kTagUser ? IdKind::uid : IdKind::gid, le32toh(id)));
    id = htole32(id);
    std::memcpy(&result[at + kIdAt], &id, sizeof(id));
  }
  return result;
}

}  // namespace

Result<std::vector<std::byte>> acl_to_host(const IdMap& map, std::span<const std::byte> acl) {
  if (!is_acl(acl)) {
    return fail(EINVAL);
  }
  return with_ids(acl, [&](IdKind kind, std::uint32_t id) { return map.to_host(kind, id); });
}

std::vector<std::byte> acl_to_guest(const IdMap& map, std::span<const std::byte> acl) {
  if (is_acl(acl)) {
    auto result = with_ids(acl, [&](IdKind kind, std::uint32_t id) {
      return Result<std::uint32_t>(map.to_guest(kind, id));
    });
    if (result) {
      return *std::move(result);
    }
  }
  return {acl.begin(), acl.end()};
}

}  // namespace nineroot::fs
