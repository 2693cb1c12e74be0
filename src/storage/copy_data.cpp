#include "storage/copy_data.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "storage/descriptor.h"

namespace nineroot::storage {
namespace {

/// Copies [offset, end) by copy_file_range, or by hand where that cannot.
Result<void> copy_range(int from, int to, off_t offset, off_t end) {
  off_t target = offset;
  while (offset < end) {
    const ssize_t done =
        ::copy_file_range(from, &offset, to, &target, static_cast<std::size_t>(end - offset), 0);
    if (done > 0) {
      continue;
    }
    if (done == 0) {
      return {};  // It became shorter meanwhile.
    }
    if (errno == EINTR) {
      continue;
    }
    if (errno != EXDEV && errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL) {
      return fail_errno();
    }
    std::array<char, 128U << 10U> buffer;
    const auto room = std::min(static_cast<std::size_t>(end - offset), buffer.size());
    const ssize_t got = ::pread(from, buffer.data(), room, offset);
    if (got < 0) {
      return fail_errno();
    }
    if (got == 0) {
      return {};
    }
    TRY(write_at(to, buffer.data(), static_cast<std::size_t>(got), target));
    offset += got;
    target += got;
  }
  return {};
}

}  // namespace

Result<void> copy_data(int from, int to, off_t size) {
  if (::ioctl(to, FICLONE, from) == 0) {
    return {};
  }
  off_t at = 0;
  while (at < size) {
    const off_t data = ::lseek(from, at, SEEK_DATA);
    if (data < 0) {
      if (errno == ENXIO) {
        break;  // Only a hole is left.
      }
      return fail_errno();
    }
    const off_t hole = ::lseek(from, data, SEEK_HOLE);
    if (hole < 0) {
      return fail_errno();
    }
    TRY(copy_range(from, to, data, std::min(hole, size)));
    at = hole;
  }
  if (::ftruncate(to, size) != 0) {
    return fail_errno();
  }
  return {};
}

}  // namespace nineroot::storage
