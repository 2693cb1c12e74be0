// The host's system calls as Results.  Nothing else in fs reads errno.
//
// An O_PATH descriptor takes few calls; the others reach its inode through its magic link.  The
// process's working directory is /proc/self/fd for that (work_in_fd_directory()), so the link of
// descriptor 57 is simply "57" and its entry `n` is "57/n": right even after the sandbox has taken
// /proc away, and without a lookup of "/proc/self/fd" in each call.
#pragma once

#include <sys/stat.h>
#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/io_vec.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace nineroot::fs::sys {

/// Makes /proc/self/fd the working directory of the whole process.  Relative paths of the
/// command line mean nothing afterwards: open them before.  Done once; a process that forks must
/// not go on using it in the child, whose descriptors these are not.
Result<void> work_in_fd_directory();

/// "57" of descriptor 57, or "57/name".
class FdPath {
 public:
  explicit FdPath(int fd);
  FdPath(int fd, const char* name);

  [[nodiscard]] const char* c_str() const { return text_.data(); }

 private:
  std::array<char, 12 + 256> text_;
};

/// openat2(2) of one component, with RESOLVE_BENEATH, NO_MAGICLINKS and NO_SYMLINKS; never follows
/// a final symlink; always O_CLOEXEC.  `mode` counts with O_CREAT alone.
Result<UniqueFd> open_beneath(int dir_fd, const char* name, int flags, std::uint32_t mode = 0);

/// Opens an entry of type `type` (S_IFMT bits) to hold its inode: readable if it is a regular file
/// or a directory, `may_be_readable`, and the host lets us; else O_PATH.
Result<UniqueFd> open_inode(int dir_fd, const char* name, std::uint32_t type, bool may_be_readable);

/// Opens the inode of a descriptor anew, O_PATH or not.
Result<UniqueFd> reopen(int fd, int flags);

/// Opens a directory's descriptor anew for listing.
Result<UniqueFd> reopen_directory(int dir_fd);

/// Another descriptor of the same open file, if it is open for reading and we may still read it.
Result<UniqueFd> duplicate_readable(int fd);

/// statx(2) of a descriptor, or of an entry (no follow), with basic fields and birth time.
Result<struct statx> stat(int fd);
Result<struct statx> stat_at(int dir_fd, const char* name);

/// Whether freeing the inode of `fd` takes no time to speak of, for it has few blocks.
[[nodiscard]] bool is_small(int fd);

// Xattrs of a descriptor's inode.  An O_PATH descriptor costs thrice as much as another one: the
// calls for descriptors refuse it, and its magic link has to be followed.

/// An xattr's value; at most 64 KiB (XATTR_SIZE_MAX).
Result<std::vector<std::byte>> get_xattr(int fd, const char* name);
/// Reads into `value`, returns the size; ERANGE if it is larger.
Result<std::size_t> get_xattr(int fd, const char* name, std::span<std::byte> value);
/// Of a directory's entry; does not follow symlinks.
Result<std::size_t> get_xattr_at(int dir_fd, const char* entry, const char* name,
                                 std::span<std::byte> value);
/// All names, each with its NUL.
Result<std::string> list_xattrs(int fd);
Result<void> set_xattr(int fd, const char* name, std::span<const std::byte> value, int flags);
Result<void> remove_xattr(int fd, const char* name);

Result<void> make_dir(int dir_fd, const char* name, std::uint32_t mode);
Result<void> make_node(int dir_fd, const char* name, std::uint32_t mode, std::uint64_t device);
Result<void> make_symlink(const char* target, int dir_fd, const char* name);
/// A new name for the inode of descriptor `fd`.
Result<void> link(int fd, int dir_fd, const char* name);
Result<void> link_at(int dir_fd, const char* name, int new_dir_fd, const char* new_name);
Result<void> rename(int dir_fd, const char* name, int new_dir_fd, const char* new_name);
Result<void> unlink(int dir_fd, const char* name, bool is_directory);

Result<void> change_mode(int fd, std::uint32_t mode);
/// -1 leaves as it is; clears nothing else.
Result<void> change_owner(int fd, std::uint32_t uid, std::uint32_t gid);
Result<void> set_times(int fd, const std::array<timespec, 2>& times);
Result<void> truncate(const FdPath& path, std::uint64_t size);
Result<void> truncate(int fd, std::uint64_t size);

/// At most IOV_MAX pieces; may be short.  flags as preadv2(2).
Result<std::size_t> read(int fd, const IoVecs& to, std::uint64_t offset, int flags = 0);
Result<std::size_t> write(int fd, const IoVecs& from, std::uint64_t offset, int flags = 0);
/// Loops until all is written; for small contents.
Result<void> write_all(int fd, std::span<const std::byte> bytes);
Result<std::string> read_all(int fd, std::size_t limit);
Result<std::string> read_link(int fd);

}  // namespace nineroot::fs::sys
