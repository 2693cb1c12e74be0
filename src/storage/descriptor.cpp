#include "storage/descriptor.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fmt/format.h>

namespace nineroot::storage {
namespace {

Result<UniqueFd> open_resolved(int directory, const std::string& path, std::uint64_t resolve) {
  open_how how{};
  how.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  how.resolve = resolve | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  // EAGAIN: a rename somewhere on the host raced with RESOLVE_BENEATH (openat2(2)).
  constexpr int kTries = 64;
  for (int i = 0;; ++i) {
    const long fd = ::syscall(SYS_openat2, directory, path.c_str(), &how, sizeof how);
    if (fd >= 0) {
      return UniqueFd(static_cast<int>(fd));
    }
    if (errno != EAGAIN || i == kTries) {
      return fail_errno();
    }
  }
}

}  // namespace

std::string path_of(int fd) {
  return fmt::format("/proc/self/fd/{}", fd);
}

Result<UniqueFd> duplicate(int fd) {
  const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) {
    return fail_errno();
  }
  return UniqueFd(copy);
}

Result<UniqueFd> open_inode(int directory, const char* name) {
  const int fd = ::openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) {
    return fail_errno();
  }
  return UniqueFd(fd);
}

Result<UniqueFd> open_directory_beneath(int directory, const std::string& path) {
  return open_resolved(directory, path.empty() ? "." : path, RESOLVE_BENEATH);
}

Result<UniqueFd> open_directory_straight(const std::string& path) {
  return open_resolved(AT_FDCWD, path, 0);
}

Result<UniqueFd> reopen(int fd, int flags) {
  const int opened = ::open(path_of(fd).c_str(), flags | O_CLOEXEC | O_NOCTTY);
  if (opened < 0) {
    return fail_errno();
  }
  return UniqueFd(opened);
}

Result<struct stat> stat_of(int fd) {
  struct stat info{};
  if (::fstat(fd, &info) != 0) {
    return fail_errno();
  }
  return info;
}

Result<void> write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) {
        continue;
      }
      return fail_errno();
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<void> write_at(int fd, const char* data, std::size_t size, off_t offset) {
  while (size > 0) {
    const ssize_t written = ::pwrite(fd, data, size, offset);
    if (written < 0) {
      if (errno == EINTR) {
        continue;
      }
      return fail_errno();
    }
    data += written;
    size -= static_cast<std::size_t>(written);
    offset += written;
  }
  return {};
}

Result<std::string> read_all(int fd, std::size_t limit) {
  std::string content;
  constexpr std::size_t kStep = 64U << 10U;
  while (true) {
    const std::size_t before = content.size();
    content.resize(before + kStep);
    const ssize_t got = ::read(fd, content.data() + before, kStep);
    if (got < 0) {
      if (errno != EINTR) {
        return fail_errno();
      }
      content.resize(before);
      continue;
    }
    content.resize(before + static_cast<std::size_t>(got));
    if (content.size() > limit) {
      return fail(EFBIG);
    }
    if (got == 0) {
      return content;
    }
  }
}

}  // namespace nineroot::storage
