// Small moves on file descriptors that all of this layer makes.
#pragma once

#include <sys/stat.h>

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace nineroot::storage {

/// "/proc/self/fd/N": lets calls that take a path, or refuse O_PATH descriptors, act on the very
/// inode that `fd` holds.
[[nodiscard]] std::string path_of(int fd);

Result<UniqueFd> duplicate(int fd);

/// Opens `name` in `directory` as O_PATH without following it, whatever it is.
Result<UniqueFd> open_inode(int directory, const char* name);

/// Opens a directory for reading by a path of names, "a/b"; "" is `directory` itself.  No symlink
/// is followed anywhere, and nothing outside `directory` is reached: ELOOP, EXDEV.
Result<UniqueFd> open_directory_beneath(int directory, const std::string& path);

/// The same for a path of the host's that has no symlink in it (realpath(3)).
Result<UniqueFd> open_directory_straight(const std::string& path);

/// Opens the inode behind an O_PATH descriptor anew with `flags` (O_RDONLY ...).
Result<UniqueFd> reopen(int fd, int flags);

Result<struct stat> stat_of(int fd);

/// Writes all of it, at the descriptor's position.
Result<void> write_all(int fd, std::string_view bytes);

/// Writes all of it at `offset`.
Result<void> write_at(int fd, const char* data, std::size_t size, off_t offset);

/// Reads to the end; EFBIG when there is more than `limit`.
Result<std::string> read_all(int fd, std::size_t limit);

}  // namespace nineroot::storage
