// By which a file is known to be what it was, within its file system.
#pragma once

#include <sys/stat.h>

#include <cstdint>

namespace nineroot::storage {

/// Equal as long as nobody has written to the inode: sharing its data with others changes none of
/// the three.
struct FileStamp {
  std::uint64_t number = 0;
  std::uint64_t size = 0;
  std::int64_t ctime_seconds = 0;
  std::int64_t ctime_nanoseconds = 0;

  static FileStamp of(const struct stat& host) {
    return {.number = host.st_ino,
            .size = static_cast<std::uint64_t>(host.st_size),
            .ctime_seconds = host.st_ctim.tv_sec,
            .ctime_nanoseconds = host.st_ctim.tv_nsec};
  }

  bool operator==(const FileStamp&) const = default;
};

}  // namespace nineroot::storage
