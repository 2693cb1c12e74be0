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
  long fd = 0;
  do {
    // EAGAIN: a rename somewhere on the host raced with RESOLVE_BENEATH (openat2(2)).
    fd = ::syscall(SYS_openat2, dir_fd, name, &how, sizeof(how));
  } while (fd < 0 && (errno == EAGAIN || errno == EINTR));
  if (fd < 0) {
    return fail_errno();
  }
  return UniqueFd(static_cast<int>(fd));
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

// A path "57" is the magic link itself for the l* calls, so these follow; the last component of
// "57/name" is never a symlink that matters: callers read mapped trees, or look up by descriptor.
Result<std::size_t> get_xattr(const FdPath& path, const char* name, std::span<std::byte> value) {
  const bool is_entry = std::strchr(path.c_str(), '/') != nullptr;
  const ssize_t size = is_entry ? ::lgetxattr(path.c_str(), name, value.data(), value.size())
                                : ::getxattr(path.c_str(), name, value.data(), value.size());
  if (size < 0) {
    return fail_errno();
  }
  return static_cast<std::size_t>(size);
}

Result<std::vector<std::byte>> get_xattr(const FdPath& path, const char* name) {
  std::vector<std::byte> value(256);
  auto size = get_xattr(path, name, value);
  if (!size && size.error() == Errno{ERANGE}) {
    value.resize(kMaxXattrSize);
    size = get_xattr(path, name, value);
  }
  const std::size_t length = TRY(size);
  value.resize(length);
  return value;
}

Result<std::string> list_xattrs(const FdPath& path) {
  std::string names(kMaxXattrSize, '\0');
  const ssize_t size = ::listxattr(path.c_str(), names.data(), names.size());
  if (size < 0) {
    return fail_errno();
  }
  names.resize(static_cast<std::size_t>(size));
  return names;
}

Result<void> set_xattr(const FdPath& path, const char* name, std::span<const std::byte> value,
                       int flags) {
  return done(::setxattr(path.c_str(), name, value.data(), value.size(), flags));
}

Result<void> remove_xattr(const FdPath& path, const char* name) {
  return done(::removexattr(path.c_str(), name));
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
