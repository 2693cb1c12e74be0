#include "storage/posix_acl.h"

#include <algorithm>
#include <optional>

namespace nineroot::storage {
namespace {

using Tag = AclEntry::Tag;

constexpr std::uint32_t kVersion = 2;
constexpr std::uint32_t kNoId = 0xffffffffU;
constexpr std::size_t kHeaderSize = 4;
constexpr std::size_t kEntrySize = 8;

void append_little_endian(std::string& to, std::uint32_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) {
    to += static_cast<char>(value >> (8 * i));
  }
}

std::uint32_t load_little_endian(std::string_view bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    value |= static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  }
  return value;
}

bool is_named(const AclEntry& entry) {
  return entry.tag == Tag::user || entry.tag == Tag::group;
}

std::optional<std::uint16_t> permissions_of(const PosixAcl& acl, Tag tag) {
  const auto found = std::ranges::find(acl, tag, &AclEntry::tag);
  return found == acl.end() ? std::nullopt : std::optional(found->permissions);
}

void add_missing_mask(PosixAcl& acl) {
  if (!std::ranges::any_of(acl, is_named) || permissions_of(acl, Tag::mask)) {
    return;
  }
  AclEntry mask{.tag = Tag::mask, .permissions = 0, .id = 0, .name = {}};
  for (const AclEntry& entry : acl) {
    if (is_named(entry) || entry.tag == Tag::group_obj) {
      mask.permissions = static_cast<std::uint16_t>(mask.permissions | entry.permissions);
    }
  }
  acl.push_back(mask);
}

}  // namespace

bool needs_names(const PosixAcl& acl) {
  return std::ranges::any_of(
      acl, [](const AclEntry& entry) { return is_named(entry) && !entry.name.empty(); });
}

std::string encode_acl(PosixAcl acl) {
  add_missing_mask(acl);
  std::ranges::stable_sort(acl, [](const AclEntry& a, const AclEntry& b) {
    return a.tag != b.tag ? a.tag < b.tag : a.id < b.id;
  });
  std::string value;
  append_little_endian(value, kVersion, 4);
  for (const AclEntry& entry : acl) {
    append_little_endian(value, static_cast<std::uint32_t>(entry.tag), 2);
    append_little_endian(value, entry.permissions, 2);
    append_little_endian(value, is_named(entry) ? entry.id : kNoId, 4);
  }
  return value;
}

bool is_encoded_acl(std::string_view value) {
  if (value.size() < kHeaderSize || (value.size() - kHeaderSize) % kEntrySize != 0 ||
      load_little_endian(value.substr(0, kHeaderSize)) != kVersion) {
    return false;
  }
  for (value.remove_prefix(kHeaderSize); !value.empty(); value.remove_prefix(kEntrySize)) {
    const std::uint32_t tag = load_little_endian(value.substr(0, 2));
    const bool is_one_known_bit = tag != 0 && (tag & (tag - 1)) == 0 && tag <= 0x20;
    if (!is_one_known_bit || load_little_endian(value.substr(2, 2)) > 7) {
      return false;
    }
  }
  return true;
}

std::uint32_t mode_with_acl(std::uint32_t mode, const PosixAcl& original) {
  PosixAcl acl = original;
  add_missing_mask(acl);
  const auto place = [&mode](std::optional<std::uint16_t> permissions, unsigned shift) {
    if (permissions) {
      mode = (mode & ~(7U << shift)) | (static_cast<std::uint32_t>(*permissions & 7U) << shift);
    }
  };
  place(permissions_of(acl, Tag::user_obj), 6);
  const auto mask = permissions_of(acl, Tag::mask);
  place(mask ? mask : permissions_of(acl, Tag::group_obj), 3);
  place(permissions_of(acl, Tag::other), 0);
  return mode;
}

}  // namespace nineroot::storage
