#include "bench/ring_driver/bare_calls.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <system_error>

#include "base/mapped_format.h"
#include "bench/ring_driver/operations.h"

namespace nineroot::bench {
namespace {

template <class Status>
Status must(Status status, const char* what) {
  if (status < 0) {
    throw std::system_error(errno, std::generic_category(), what);
  }
  return status;
}

int open_at(int dir, const char* name, std::uint64_t flags, std::uint32_t mode = 0) {
  open_how how{};
  how.flags = flags | O_NOFOLLOW | O_CLOEXEC;
  how.mode = mode;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS;
  return static_cast<int>(::syscall(SYS_openat2, dir, name, &how, sizeof(how)));
}

/// "57" of descriptor 57.
struct FdName {
  explicit FdName(int fd) { *std::to_chars(text.data(), text.data() + 11, fd).ptr = '\0'; }
  std::array<char, 300> text{};
};

}  // namespace

BareCalls::BareCalls(const std::string& tree) : kept_(kFiles, -1) {
  for (const char* name : {"/files", "/list", "/work"}) {
    dirs_.emplace_back(must(::open((tree + name).c_str(), O_PATH | O_CLOEXEC), name));
  }
  large_.reset(must(::open((tree + "/large").c_str(), O_RDWR | O_CLOEXEC), "large"));
  listed_.reset(must(::open((tree + "/list").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), "list"));
  void* memory = ::mmap(nullptr, kSlots * kLargePayload, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (memory == MAP_FAILED) {
    throw std::system_error(errno, std::generic_category(), "mmap");
  }
  buffers_ = static_cast<std::byte*>(memory);
  must(::chdir("/proc/self/fd"), "/proc/self/fd");
}

int BareCalls::open_path(Dir which, const char* name) {
  return must(open_at(dir(which), name, O_PATH), name);
}

void BareCalls::keep(unsigned i, int fd) {
  kept_[i] = fd;
}

void BareCalls::close(unsigned i) {
  ::close(kept_[i]);
  kept_[i] = -1;
}

void BareCalls::close_all() {
  for (unsigned i = 0; i < kept_.size(); ++i) {
    if (kept_[i] >= 0) {
      close(i);
    }
  }
}

void BareCalls::stat(int fd) {
  struct statx result{};
  must(::statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &result), "statx");
}

void BareCalls::stat_at(Dir which, const char* name) {
  struct statx result{};
  must(::statx(dir(which), name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME, &result),
       name);
}

void BareCalls::get_records(int fd) {
  const FdName name(fd);
  std::array<std::byte, 8> value{};
  for (const char* record : {mapped::kXattrMode, mapped::kXattrUid, mapped::kXattrGid}) {
    must(::getxattr(name.text.data(), record, value.data(), value.size()), record);
  }
}

void BareCalls::set_records(int fd) {
  const auto mode = mapped::encode_u32(S_IFREG | 0644U);
  const auto zero = mapped::encode_u32(0);
  must(::fsetxattr(fd, mapped::kXattrUid, zero.data(), zero.size(), 0), "fsetxattr");
  must(::fsetxattr(fd, mapped::kXattrGid, zero.data(), zero.size(), 0), "fsetxattr");
  must(::fsetxattr(fd, mapped::kXattrMode, mode.data(), mode.size(), 0), "fsetxattr");
}

void BareCalls::get_mode_record(Dir which, const char* name) {
  FdName path(dir(which));
  const std::size_t size = std::strlen(path.text.data());
  path.text[size] = '/';
  std::strcpy(path.text.data() + size + 1, name);
  std::array<std::byte, 8> value{};
  must(::lgetxattr(path.text.data(), mapped::kXattrMode, value.data(), value.size()), name);
}

bool BareCalls::get_capability(int fd) {
  std::array<std::byte, 64> value{};
  return ::getxattr(FdName(fd).text.data(), "user.virtfs.security.capability", value.data(),
                    value.size()) >= 0;
}

void BareCalls::set_mode_record(int fd) {
  const auto mode = mapped::encode_u32(S_IFREG | 0600U);
  must(::setxattr(FdName(fd).text.data(), mapped::kXattrMode, mode.data(), mode.size(), 0),
       "setxattr");
}

int BareCalls::reopen(int fd) {
  return must(::open(FdName(fd).text.data(), O_RDONLY | O_CLOEXEC), "open");
}

int BareCalls::create(Dir which, const char* name) {
  return must(open_at(dir(which), name, O_RDWR | O_CREAT | O_EXCL, 0600), name);
}

void BareCalls::make_dir(Dir which, const char* name) {
  must(::mkdirat(dir(which), name, 0700), name);
}

void BareCalls::unlink(Dir which, const char* name, bool is_directory) {
  must(::unlinkat(dir(which), name, is_directory ? AT_REMOVEDIR : 0), name);
}

void BareCalls::rename(Dir which, const char* from, const char* to) {
  must(::renameat(dir(which), from, dir(which), to), from);
}

bool BareCalls::has_none(Dir which, const char* name) {
  struct statx result{};
  return ::statx(dir(which), name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &result) < 0;
}

bool BareCalls::is_missing(Dir which, const char* name) {
  return open_at(dir(which), name, O_PATH) < 0;
}

iovec BareCalls::next_buffer(std::size_t size) {
  return {.iov_base = buffers_ + used_buffers_++ % kSlots * kLargePayload, .iov_len = size};
}

void BareCalls::read(std::size_t size) {
  const iovec piece = next_buffer(size);
  must(::preadv2(large(), &piece, 1, 0, 0), "preadv2");
}

void BareCalls::write(std::size_t size) {
  const iovec piece = next_buffer(size);
  must(::pwritev2(large(), &piece, 1, 0, 0), "pwritev2");
}

unsigned BareCalls::list() {
  must(::lseek(listed_.get(), 0, SEEK_SET), "lseek");
  alignas(8) std::array<char, 32768> room;
  unsigned files = 0;
  while (true) {
    const long size =
        must(::syscall(SYS_getdents64, listed_.get(), room.data(), room.size()), "list");
    if (size == 0) {
      return files;
    }
    for (long at = 0; at < size;) {
      // linux_dirent64: the record's length at 16, type at 18, name at 19.
      std::uint16_t length = 0;
      std::memcpy(&length, room.data() + at + 16, sizeof(length));
      if (room[static_cast<std::size_t>(at) + 18] == DT_REG) {
        get_mode_record(Dir::list, room.data() + at + 19);
        ++files;
      }
      at += length;
    }
  }
}

}  // namespace nineroot::bench
