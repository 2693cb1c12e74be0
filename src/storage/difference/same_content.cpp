#include "storage/difference/same_content.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "storage/descriptor.h"
#include "storage/extents.h"
#include "storage/file_system.h"

namespace nineroot::storage {
namespace {

constexpr std::size_t kStep = 256U << 10U;

/// Shorter files are read sooner than their extents.
constexpr off_t kWorthAsking = 64 << 10;

bool is_clone(int a, int b) {
  if (!tells_shared_extents(a) || !tells_shared_extents(b)) {
    return false;
  }
  const auto here = sharing_domain(a);
  const auto there = sharing_domain(b);
  if (!here || !there || *here != *there) {
    return false;
  }
  const auto ours = read_extents(a, Dirty::written_out);
  const auto theirs = read_extents(b, Dirty::written_out);
  return ours && theirs && share_all(*ours, *theirs);
}

/// The next byte from `at` that is not in a hole; `end` if there is none.
Result<off_t> next_data(int file, off_t at, off_t end) {
  const off_t data = ::lseek(file, at, SEEK_DATA);
  if (data >= 0) {
    return std::min(data, end);
  }
  if (errno == ENXIO) {
    return end;
  }
  if (errno == EINVAL) {
    return at;  // A file system that knows of no holes.
  }
  return fail_errno();
}

/// Fills `room` from `at`; shorter only at the end of the file.
Result<std::size_t> read_at(int file, std::vector<char>& room, off_t at) {
  std::size_t done = 0;
  while (done < room.size()) {
    const ssize_t got =
        ::pread(file, room.data() + done, room.size() - done, at + static_cast<off_t>(done));
    if (got < 0) {
      if (errno == EINTR) {
        continue;
      }
      return fail_errno();
    }
    if (got == 0) {
      break;
    }
    done += static_cast<std::size_t>(got);
  }
  return done;
}

}  // namespace

Result<UniqueFd> open_content(int inode) {
  constexpr int kFlags = O_RDONLY | O_NONBLOCK;
  auto file = reopen(inode, kFlags | O_NOATIME);
  if (!file && file.error() == Errno{EPERM}) {
    return reopen(inode, kFlags);  // Only a file's owner may leave its atime.
  }
  return file;
}

Result<bool> is_same_content(int a, int b) {
  const struct stat one = TRY(stat_of(a));
  const struct stat other = TRY(stat_of(b));
  if (one.st_size != other.st_size) {
    return false;
  }
  if (one.st_size >= kWorthAsking && is_clone(a, b)) {
    return true;
  }
  const std::size_t step = std::min(kStep, static_cast<std::size_t>(one.st_size));
  std::vector<char> ours(step);
  std::vector<char> theirs(step);
  off_t at = 0;
  while (at < one.st_size) {
    const off_t our_data = TRY(next_data(a, at, one.st_size));
    const off_t their_data = TRY(next_data(b, at, one.st_size));
    at = std::min(our_data, their_data);
    const std::size_t got = TRY(read_at(a, ours, at));
    const std::size_t given = TRY(read_at(b, theirs, at));
    if (got != given || std::memcmp(ours.data(), theirs.data(), got) != 0) {
      return false;
    }
    if (got == 0) {
      break;
    }
    at += static_cast<off_t>(got);
  }
  return true;
}

}  // namespace nineroot::storage
