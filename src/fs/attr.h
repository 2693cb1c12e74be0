// Attributes as the guest sees them, and changes to them.
#pragma once

#include <cstdint>
#include <ctime>
#include <optional>

namespace nineroot::fs {

struct Attr {
  std::uint64_t number = 0;  ///< Unique over the whole tree and stable (inode_numbers.h).
  std::uint64_t generation =
      0;                   ///< Differs when an inode number is used again; from the birth time.
  std::uint32_t mode = 0;  ///< With type bits.
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint64_t nlink = 0;
  std::uint64_t rdev = 0;  ///< Linux's 32-bit encoding (new_encode_dev), as 9P carries it.
  std::uint64_t size = 0;
  std::uint64_t blocks = 0;  ///< Of 512 bytes.
  timespec atime{};
  timespec mtime{};
  timespec ctime{};
  timespec btime{};  ///< Zero where the host has none.
};

/// Which time to set: tv_nsec may be UTIME_NOW or UTIME_OMIT (utimensat(2)).
struct SetAttr {
  std::optional<std::uint32_t> mode = std::nullopt;  ///< Permission bits; type bits are ignored.
  std::optional<std::uint32_t> uid = std::nullopt;
  std::optional<std::uint32_t> gid = std::nullopt;
  std::optional<std::uint64_t> size = std::nullopt;
  std::optional<timespec> atime = std::nullopt;
  std::optional<timespec> mtime = std::nullopt;
  bool touches_ctime = false;  ///< Only bumps ctime when nothing else is set.
};

struct StatFs {
  std::uint32_t type = 0;
  std::uint32_t block_size = 0;
  std::uint64_t blocks = 0;
  std::uint64_t blocks_free = 0;
  std::uint64_t blocks_available = 0;
  std::uint64_t files = 0;
  std::uint64_t files_free = 0;
  std::uint64_t fsid = 0;
  std::uint32_t name_max = 0;
};

}  // namespace nineroot::fs
