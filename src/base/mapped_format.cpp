#include "base/mapped_format.h"

#include <sys/stat.h>

#include <charconv>

#include <fmt/format.h>

namespace nineroot::mapped {
namespace {

constexpr std::string_view kUser = "user.";
constexpr std::array<std::string_view, 2> kAcls = {"system.posix_acl_access",
                                                   "system.posix_acl_default"};
constexpr std::array<std::string_view, 2> kNamespaces = {"security.", "trusted."};

bool is_stored_under_prefix(std::string_view name) {
  for (std::string_view acl : kAcls) {
    if (name == acl) {
      return true;
    }
  }
  for (std::string_view space : kNamespaces) {
    if (name.starts_with(space) && name.size() > space.size()) {
      return true;
    }
  }
  return false;
}

template <class T>
T load_little_endian(std::span<const std::byte> bytes) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    value |= static_cast<T>(bytes[i]) << (8 * i);
  }
  return value;
}

template <class T>
std::array<std::byte, sizeof(T)> store_little_endian(T value) {
  std::array<std::byte, sizeof(T)> bytes{};
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    bytes[i] = static_cast<std::byte>(value >> (8 * i));
  }
  return bytes;
}

/// QEMU prints with %d: the same 32 bits, read as signed.
std::string metadata_line(const char* key, std::uint32_t value) {
  return fmt::format("virtfs.{}={}\n", key, static_cast<std::int32_t>(value));
}

std::optional<std::uint32_t> parse_number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end == text.data()) {
    return std::nullopt;
  }
  return static_cast<std::uint32_t>(value);
}

}  // namespace

std::array<std::byte, 4> encode_u32(std::uint32_t value) {
  return store_little_endian(value);
}

std::array<std::byte, 8> encode_u64(std::uint64_t value) {
  return store_little_endian(value);
}

std::optional<std::uint32_t> decode_u32(std::span<const std::byte> bytes) {
  if (bytes.size() != sizeof(std::uint32_t)) {
    return std::nullopt;
  }
  return load_little_endian<std::uint32_t>(bytes);
}

std::optional<std::uint64_t> decode_u64(std::span<const std::byte> bytes) {
  if (bytes.size() != sizeof(std::uint64_t)) {
    return std::nullopt;
  }
  return load_little_endian<std::uint64_t>(bytes);
}

std::string encode_metadata(const Recorded& recorded) {
  std::string text;
  if (recorded.uid) {
    text += metadata_line("uid", *recorded.uid);
  }
  if (recorded.gid) {
    text += metadata_line("gid", *recorded.gid);
  }
  if (recorded.mode) {
    text += metadata_line("mode", *recorded.mode);
  }
  if (recorded.rdev) {
    text += metadata_line("rdev", static_cast<std::uint32_t>(*recorded.rdev));
  }
  return text;
}

Recorded decode_metadata(std::string_view text) {
  Recorded recorded;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) {
      continue;
    }
    const std::string_view key = line.substr(0, equals);
    const auto value = parse_number(line.substr(equals + 1));
    if (!value) {
      continue;
    }
    if (key == "virtfs.uid") {
      recorded.uid = value;
    } else if (key == "virtfs.gid") {
      recorded.gid = value;
    } else if (key == "virtfs.mode") {
      recorded.mode = value;
    } else if (key == "virtfs.rdev") {
      recorded.rdev = *value;
    }
  }
  return recorded;
}

std::uint32_t effective_mode(std::uint32_t host_mode, std::optional<std::uint32_t> recorded) {
  if (!recorded) {
    return host_mode;
  }
  std::uint32_t type = *recorded & S_IFMT;
  const bool is_known = type == S_IFREG || type == S_IFDIR || type == S_IFLNK || type == S_IFCHR ||
                        type == S_IFBLK || type == S_IFIFO || type == S_IFSOCK;
  if (!is_known || S_ISDIR(host_mode) != (type == S_IFDIR) ||
      !(S_ISREG(host_mode) || S_ISDIR(host_mode))) {
    type = host_mode & S_IFMT;
  }
  return type | (*recorded & 07777);
}

std::optional<std::string> host_xattr_name(std::string_view guest_name) {
  if (guest_name.starts_with(kXattrPrefix)) {
    return std::nullopt;
  }
  if (guest_name.starts_with(kUser) && guest_name.size() > kUser.size()) {
    return std::string(guest_name);
  }
  if (is_stored_under_prefix(guest_name)) {
    return kXattrPrefix + std::string(guest_name);
  }
  return std::nullopt;
}

std::optional<std::string> guest_xattr_name(std::string_view host_name) {
  if (host_name.starts_with(kXattrPrefix)) {
    const std::string_view inner = host_name.substr(std::string_view(kXattrPrefix).size());
    return is_stored_under_prefix(inner) ? std::optional(std::string(inner)) : std::nullopt;
  }
  if (host_name.starts_with(kUser)) {
    return std::string(host_name);
  }
  return std::nullopt;
}

}  // namespace nineroot::mapped
