#include "virtio/mapping.h"

#include <linux/magic.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <limits>
#include <mutex>
#include <string_view>

namespace nineroot::virtio {
namespace {

constexpr std::uint64_t kPageSize = 4096;

/// On hugetlbfs, mmap(2) wants offsets and munmap(2) lengths in huge pages.
Result<std::uint64_t> page_size_of(int fd) {
  struct statfs info{};
  if (::fstatfs(fd, &info) != 0) {
    return fail_errno();
  }
  if (info.f_type == HUGETLBFS_MAGIC && info.f_bsize > 0) {
    return static_cast<std::uint64_t>(info.f_bsize);
  }
  return kPageSize;
}

Result<void> check_file(int fd, std::uint64_t offset, std::uint64_t size) {
  struct stat info{};
  if (::fstat(fd, &info) != 0) {
    return fail_errno();
  }
  const auto file_size = static_cast<std::uint64_t>(info.st_size);
  if (!S_ISREG(info.st_mode) || info.st_size < 0 || size > file_size || offset > file_size - size) {
    return fail(EINVAL);
  }
  return {};
}

void on_sigbus(int /*signal*/, siginfo_t* info, void* /*context*/) {
  if (info->si_code == BUS_ADRERR) {
    constexpr std::string_view kWhy =
        "nineroot: error: guest memory is gone: the virtual machine monitor cut short the file "
        "behind it; ending\n";
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, kWhy.data(), kWhy.size());
    ::_exit(1);
  }
  // Something else: returning runs into the same fault again, with the default action.
  ::signal(SIGBUS, SIG_DFL);
}

}  // namespace

Result<Mapping> Mapping::map(int fd, std::uint64_t offset, std::uint64_t size) {
  if (size == 0 || offset % kPageSize != 0 || size > std::numeric_limits<std::int64_t>::max()) {
    return fail(EINVAL);
  }
  TRY(check_file(fd, offset, size));
  const std::uint64_t page = TRY(page_size_of(fd));
  const std::uint64_t lead = offset % page;
  const std::uint64_t length = (lead + size + page - 1) / page * page;
  void* base = ::mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd,
                      static_cast<off_t>(offset - lead));
  if (base == MAP_FAILED) {
    return fail_errno();
  }
  // A guest's memory has no business in our core dumps, nor in what we fork; both are best effort.
  ::madvise(base, length, MADV_DONTDUMP);
  ::madvise(base, length, MADV_DONTFORK);
  return Mapping(static_cast<std::byte*>(base), length, lead);
}

Mapping::~Mapping() {
  if (base_ != nullptr) {
    ::munmap(base_, length_);
  }
}

void end_cleanly_when_memory_shrinks() {
  static std::once_flag once;
  std::call_once(once, [] {
    struct sigaction action{};
    action.sa_sigaction = on_sigbus;
    action.sa_flags = SA_SIGINFO;
    ::sigaction(SIGBUS, &action, nullptr);
  });
}

}  // namespace nineroot::virtio
