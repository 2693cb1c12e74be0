#include "fs/sys.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include <limits.h>

namespace nineroot::fs::sys {
namespace {

constexpr std::size_t kMaxXattrSize = 65536;

Result<void> done(int status) {
  if (status < 0) {
    return fail_errno();
  }
  return {};
}

}  // namespace

Result<void> work_in_fd_directory() {
  static const Result<void> entered = done(::chdir("/proc/self/fd"));
  return entered;
}

FdPath::FdPath(int fd) {
  const auto end = std::to_chars(text_.data(), text_.data() + 11, fd).ptr;
  *end = '\0';
}

FdPath::FdPath(int fd, const char* name) {
  char* end = std::to_chars(text_.data(), text_.data() + 11, fd).ptr;
  *end++ = '/';
  // A Name has at most 255 bytes, so this never cuts one.
  const std::size_t size = std::min(std::strlen(name), std::size_t{255});
  std::memcpy(end, name, size);
  end[size] = '\0';
}

Result<UniqueFd> open_beneath(int dir_fd, const char* name, int flags, std::uint32_t mode) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(static_cast<unsigned>(flags | O_NOFOLLOW | O_CLOEXEC));
  how.mode = (flags & O_CREAT) != 0 ? mode : 0;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS;
  // EAGAIN: a rename somewhere on the host raced with RESOLVE_BENEATH (openat2(2)); with O_NONBLOCK
  // also a lease that somebody holds, for long.
  constexpr int kTries = 64;
  long fd = 0;
  for (int i = 0; i < kTries; ++i) {
    fd = ::syscall(SYS_openat2, dir_fd, name, &how, sizeof(how));
    if (fd >= 0 || (errno != EAGAIN && errno != EINTR)) {
      break;
    }
  }
  if (fd < 0) {
    return fail_errno();
  }
  return UniqueFd(static_cast<int>(fd));
}

Result<UniqueFd> open_inode(int dir_fd, const char* name, std::uint32_t type,
                            bool may_be_readable) {
  if (may_be_readable && (S_ISREG(type) || S_ISDIR(type))) {
    // Not blocking: by now the name may be a fifo's, or somebody may hold a lease on the file.
    auto fd = open_beneath(dir_fd, name,
                           O_RDONLY | O_NONBLOCK | O_NOCTTY | (S_ISDIR(type) ? O_DIRECTORY : 0));
    if (fd || fd.error() == Errno{ENOENT}) {
      return fd;
    }
  }
  return open_beneath(dir_fd, name, O_PATH);
}

bool is_small(int fd) {
  constexpr blkcnt_t kBlocks = 2048;  // A megabyte.
  struct stat info{};
  return ::fstat(fd, &info) == 0 && info.st_blocks <= kBlocks;
}

Result<UniqueFd> reopen_directory(int dir_fd) {
  // Cheaper than the magic link.
  const int opened = ::openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (opened < 0) {
    return fail_errno();
  }
  return UniqueFd(opened);
}

Result<UniqueFd> duplicate_readable(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || (flags & O_PATH) != 0 || (flags & O_ACCMODE) == O_WRONLY) {
    return fail(EBADF);
  }
  // The host may have taken the right away since.
  if (::syscall(SYS_faccessat2, fd, "", R_OK, AT_EMPTY_PATH | AT_EACCESS) < 0) {
    return fail_errno();
  }
  const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) {
    return fail_errno();
  }
  return UniqueFd(copy);
}

Result<UniqueFd> reopen(int fd, int flags) {
  const int opened = ::open(FdPath(fd).c_str(), flags | O_CLOEXEC);
  if (opened < 0) {
    return fail_errno();
  }
  return UniqueFd(opened);
}

Result<struct statx> stat(int fd) {
  struct statx result{};
  if (::statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &result) < 0) {
    return fail_errno();
  }
  return result;
}

Result<struct statx> stat_at(int dir_fd, const char* name) {
  struct statx result{};
  if (::statx(dir_fd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_BASIC_STATS | STATX_BTIME,
              &result) < 0) {
    return fail_errno();
  }
  return result;
}

namespace {

/// A call that takes a descriptor, or where that is O_PATH the one that takes its magic link: "57"
/// is followed.
template <class ByFd, class ByPath>
auto on_inode(int fd, ByFd by_fd, ByPath by_path) {
  auto result = by_fd(fd);
  if (result < 0 && errno == EBADF) {
    result = by_path(FdPath(fd).c_str());
  }
  return result;
}

Result<std::size_t> size_or_error(ssize_t size) {
  if (size < 0) {
    return fail_errno();
  }
  return static_cast<std::size_t>(size);
}

/// getxattrat(2), since Linux 6.13: half the price of a path through a magic link.  Negative with
/// ENOSYS where there is none; the sandbox says EPERM where libseccomp does not know it.
ssize_t get_xattr_by_name(int dir_fd, const char* entry, const char* name,
                          std::span<std::byte> value) {
  constexpr long kGetxattrat = 464;  // On every architecture.
  struct {
    std::uint64_t value;
    std::uint32_t size;
    std::uint32_t flags;
  } arguments{.value = reinterpret_cast<std::uintptr_t>(value.data()),
              .size = static_cast<std::uint32_t>(value.size()),
              .flags = 0};
  static_assert(sizeof(arguments) == 16);  // XATTR_ARGS_SIZE_VER0
  return ::syscall(kGetxattrat, dir_fd, entry, AT_SYMLINK_NOFOLLOW, name, &arguments,
                   sizeof(arguments));
}

bool has_xattr_by_name() {
  // An answer about the arguments means that the call is there.
  return get_xattr_by_name(-1, "x", "user.x", {}) < 0 && errno == EBADF;
}

}  // namespace

Result<std::size_t> get_xattr(int fd, const char* name, std::span<std::byte> value) {
  return size_or_error(on_inode(
      fd, [&](int real) { return ::fgetxattr(real, name, value.data(), value.size()); },
      [&](const char* path) { return ::getxattr(path, name, value.data(), value.size()); }));
}

Result<std::size_t> get_xattr_at(int dir_fd, const char* entry, const char* name,
                                 std::span<std::byte> value) {
  static const bool by_name = has_xattr_by_name();
  if (by_name) {
    return size_or_error(get_xattr_by_name(dir_fd, entry, name, value));
  }
  return size_or_error(
      ::lgetxattr(FdPath(dir_fd, entry).c_str(), name, value.data(), value.size()));
}

Result<std::vector<std::byte>> get_xattr(int fd, const char* name) {
  std::array<std::byte, 256> first;
  auto size = get_xattr(fd, name, first);
  if (size) {
    return std::vector(first.begin(), first.begin() + static_cast<std::ptrdiff_t>(*size));
  }
  if (size.error() != Errno{ERANGE}) {
    return std::unexpected(size.error());
  }
  std::vector<std::byte> value(kMaxXattrSize);
  const std::size_t length = TRY(get_xattr(fd, name, value));
  value.resize(length);
  return value;
}

Result<std::string> list_xattrs(int fd) {
  std::string names(kMaxXattrSize, '\0');
  const auto size = on_inode(
      fd, [&](int real) { return ::flistxattr(real, names.data(), names.size()); },
      [&](const char* path) { return ::listxattr(path, names.data(), names.size()); });
  if (size < 0) {
    return fail_errno();
  }
  names.resize(static_cast<std::size_t>(size));
  return names;
}

Result<void> set_xattr(int fd, const char* name, std::span<const std::byte> value, int flags) {
  return done(on_inode(
      fd, [&](int real) { return ::fsetxattr(real, name, value.data(), value.size(), flags); },
      [&](const char* path) { return ::setxattr(path, name, value.data(), value.size(), flags); }));
}

Result<void> remove_xattr(int fd, const char* name) {
  return done(on_inode(
      fd, [&](int real) { return ::fremovexattr(real, name); },
      [&](const char* path) { return ::removexattr(path, name); }));
}

Result<void> make_dir(int dir_fd, const char* name, std::uint32_t mode) {
  return done(::mkdirat(dir_fd, name, mode));
}

Result<void> make_node(int dir_fd, const char* name, std::uint32_t mode, std::uint64_t device) {
  return done(::mknodat(dir_fd, name, mode, device));
}

Result<void> make_symlink(const char* target, int dir_fd, const char* name) {
  return done(::symlinkat(target, dir_fd, name));
}

Result<void> link(int fd, int dir_fd, const char* name) {
  return done(::linkat(AT_FDCWD, FdPath(fd).c_str(), dir_fd, name, AT_SYMLINK_FOLLOW));
}

Result<void> link_at(int dir_fd, const char* name, int new_dir_fd, const char* new_name) {
  return done(::linkat(dir_fd, name, new_dir_fd, new_name, 0));
}

Result<void> rename(int dir_fd, const char* name, int new_dir_fd, const char* new_name) {
  return done(::renameat(dir_fd, name, new_dir_fd, new_name));
}

Result<void> unlink(int dir_fd, const char* name, bool is_directory) {
  return done(::unlinkat(dir_fd, name, is_directory ? AT_REMOVEDIR : 0));
}

Result<void> change_mode(int fd, std::uint32_t mode) {
  return done(::chmod(FdPath(fd).c_str(), mode));
}

Result<void> change_owner(int fd, std::uint32_t uid, std::uint32_t gid) {
  return done(::fchownat(fd, "", uid, gid, AT_EMPTY_PATH));
}

Result<void> set_times(int fd, const std::array<timespec, 2>& times) {
  return done(::utimensat(AT_FDCWD, FdPath(fd).c_str(), times.data(), 0));
}

Result<void> truncate(const FdPath& path, std::uint64_t size) {
  if (size > INT64_MAX) {
    return fail(EFBIG);
  }
  return done(::truncate(path.c_str(), static_cast<off_t>(size)));
}

Result<void> truncate(int fd, std::uint64_t size) {
  if (size > INT64_MAX) {
    return fail(EFBIG);
  }
  return done(::ftruncate(fd, static_cast<off_t>(size)));
}

Result<std::size_t> read(int fd, const IoVecs& to, std::uint64_t offset, int flags) {
  if (offset > INT64_MAX) {
    return fail(EINVAL);
  }
  const auto count = static_cast<int>(std::min(to.pieces().size(), std::size_t{IOV_MAX}));
  ssize_t size = 0;
  do {
    size = ::preadv2(fd, to.pieces().data(), count, static_cast<off_t>(offset), flags);
  } while (size < 0 && errno == EINTR);
  if (size < 0) {
    return fail_errno();
  }
  return static_cast<std::size_t>(size);
}

Result<std::size_t> write(int fd, const IoVecs& from, std::uint64_t offset, int flags) {
  if (offset > INT64_MAX) {
    return fail(EINVAL);
  }
  const auto count = static_cast<int>(std::min(from.pieces().size(), std::size_t{IOV_MAX}));
  ssize_t size = 0;
  do {
    size = ::pwritev2(fd, from.pieces().data(), count, static_cast<off_t>(offset), flags);
  } while (size < 0 && errno == EINTR);
  if (size < 0) {
    return fail_errno();
  }
  return static_cast<std::size_t>(size);
}

Result<void> write_all(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t size = ::write(fd, bytes.data(), bytes.size());
    if (size < 0 && errno == EINTR) {
      continue;
    }
    if (size < 0) {
      return fail_errno();
    }
    bytes = bytes.subspan(static_cast<std::size_t>(size));
  }
  return {};
}

Result<std::string> read_all(int fd, std::size_t limit) {
  std::string text;
  while (true) {
    const std::size_t have = text.size();
    text.resize(std::min(limit + 1, have + 4096));
    const ssize_t size = ::read(fd, text.data() + have, text.size() - have);
    if (size < 0 && errno == EINTR) {
      text.resize(have);
      continue;
    }
    if (size < 0) {
      return fail_errno();
    }
    text.resize(have + static_cast<std::size_t>(size));
    if (text.size() > limit) {
      return fail(EFBIG);
    }
    if (size == 0) {
      return text;
    }
  }
}

Result<std::string> read_link(int fd) {
  std::string target(PATH_MAX, '\0');
  const ssize_t size = ::readlinkat(fd, "", target.data(), target.size());
  if (size < 0) {
    return fail_errno();
  }
  target.resize(static_cast<std::size_t>(size));
  return target;
}

}  // namespace nineroot::fs::sys
