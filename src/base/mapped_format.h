// The on-disk format of QEMU's security models mapped-xattr and mapped-file, byte for byte: where
// a tree that an ordinary user owns keeps the guest's owners, modes and device numbers.
// Source: what QEMU 10.0.2 writes, docs/mapped-format.md.  Pure: no system calls.
//
//   mapped-xattr   user.virtfs.uid|gid|mode  u32 little-endian, mode with the file type bits;
//                  user.virtfs.rdev          u64 little-endian dev_t, only of what mknod made.
//   mapped-file    DIR/.virtfs_metadata/NAME, lines virtfs.uid|gid|mode|rdev=<signed decimal>;
//                  the export's root: .virtfs_metadata_root in it.
//
// Symlinks, devices, fifos and sockets are regular files; a symlink's content is its target.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace nineroot::mapped {

inline constexpr const char* kXattrPrefix = "user.virtfs.";
inline constexpr const char* kXattrUid = "user.virtfs.uid";
inline constexpr const char* kXattrGid = "user.virtfs.gid";
inline constexpr const char* kXattrMode = "user.virtfs.mode";
inline constexpr const char* kXattrRdev = "user.virtfs.rdev";

inline constexpr std::string_view kMetadataDir = ".virtfs_metadata";
inline constexpr std::string_view kMetadataRoot = ".virtfs_metadata_root";

/// Host modes of all that is made in a mapped tree, before the umask.
inline constexpr std::uint32_t kHostFileMode = 0600;
inline constexpr std::uint32_t kHostDirMode = 0700;

/// What a mapped tree records of one inode; what is absent is taken from the host inode.
struct Recorded {
  std::optional<std::uint32_t> uid;
  std::optional<std::uint32_t> gid;
  std::optional<std::uint32_t> mode;  ///< Whole st_mode, type bits included.
  std::optional<std::uint64_t> rdev;

  bool operator==(const Recorded&) const = default;
};

[[nodiscard]] std::array<std::byte, 4> encode_u32(std::uint32_t value);
[[nodiscard]] std::array<std::byte, 8> encode_u64(std::uint64_t value);

/// Nothing unless `bytes` has exactly the field's length: a wrong length counts as absent.
[[nodiscard]] std::optional<std::uint32_t> decode_u32(std::span<const std::byte> bytes);
[[nodiscard]] std::optional<std::uint64_t> decode_u64(std::span<const std::byte> bytes);

/// The whole metadata file of mapped-file, in QEMU's order uid, gid, mode, rdev.
[[nodiscard]] std::string encode_metadata(const Recorded& recorded);

/// Unknown lines are ignored, as QEMU does; numbers wrap at 32 bits.
[[nodiscard]] Recorded decode_metadata(std::string_view text);

/// The mode that the guest sees: `recorded` if there is one, with the host's type bits where the
/// recorded type is impossible (a directory is always a directory, and nothing else is one).
[[nodiscard]] std::uint32_t effective_mode(std::uint32_t host_mode,
                                           std::optional<std::uint32_t> recorded);

/// How the guest's xattr `guest_name` is named on the host in a mapped-xattr tree; nothing for
/// names that cannot be stored.  user.NAME keeps its name, except user.virtfs.*, which is nothing;
/// system.posix_acl_*, security.* and trusted.* move under user.virtfs. (the last two are an
/// extension that QEMU neither shows nor touches).
[[nodiscard]] std::optional<std::string> host_xattr_name(std::string_view guest_name);

/// The inverse, for listings; nothing for names that the guest must not see.
[[nodiscard]] std::optional<std::string> guest_xattr_name(std::string_view host_name);

}  // namespace nineroot::mapped
