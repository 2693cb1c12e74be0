// What is done with an open file's content: reads, writes, offsets, sizes, syncs, locks, copies.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <vector>

#include "tests/stress/side.h"

namespace nineroot::stress {
namespace {

constexpr std::int64_t kMostBytes = 1 << 20;

Answer content(long result, const std::vector<std::byte>& buffer) {
  if (result < 0) {
    return answer_of(result);
  }
  char text[64];
  std::snprintf(
      text, sizeof text, "%ld bytes, hash %016llx", result,
      static_cast<unsigned long long>(hash_of(buffer.data(), static_cast<std::size_t>(result))));
  return text;
}

Answer lock_and_unlock(int file, const Operation& op) {
  struct flock lock{};
  lock.l_type = static_cast<short>((op.flags & 1U) != 0 ? F_WRLCK : F_RDLCK);
  lock.l_start = op.offset;
  lock.l_len = op.length;
  if (::fcntl(file, F_SETLK, &lock) != 0) {
    return answer_of(-1);
  }
  lock.l_type = F_UNLCK;
  return answer_of(::fcntl(file, F_SETLK, &lock));
}

}  // namespace

std::uint64_t hash_of(const void* data, std::size_t size) {
  const auto* bytes = static_cast<const unsigned char*>(data);
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (std::size_t i = 0; i < size; ++i) {
    hash = (hash ^ bytes[i]) * 0x100000001b3U;
  }
  return hash;
}

void fill(std::byte* to, std::size_t size, std::int64_t place, std::uint64_t value) {
  for (std::size_t i = 0; i < size; ++i) {
    const std::uint64_t at = static_cast<std::uint64_t>(place) + i;
    to[i] = static_cast<std::byte>((value * 131 + at * 7 + (at >> 8U) * 31) | 1U);
  }
}

Answer Side::do_data(const Operation& op, int file) {
  std::vector<std::byte> buffer;
  if (op.kind >= Kind::read && op.kind <= Kind::pwrite) {
    buffer.resize(static_cast<std::size_t>(std::clamp<std::int64_t>(op.length, 0, kMostBytes)));
  }
  if (op.kind == Kind::write || op.kind == Kind::pwrite) {
    fill(buffer.data(), buffer.size(), op.offset, op.value);
  }
  switch (op.kind) {
    case Kind::close:
      put(op.slot, -1, 0);
      return "0";
    case Kind::read:
      return content(::read(file, buffer.data(), buffer.size()), buffer);
    case Kind::pread:
      return content(::pread(file, buffer.data(), buffer.size(), op.offset), buffer);
    case Kind::write:
      return answer_of(::write(file, buffer.data(), buffer.size()));
    case Kind::pwrite:
      return answer_of(::pwrite(file, buffer.data(), buffer.size(), op.offset));
    case Kind::seek: {
      struct stat status{};
      // A directory's offsets are cookies.
      return ::fstat(file, &status) == 0 && S_ISDIR(status.st_mode)
                 ? "directory"
                 : answer_of(::lseek(file, op.offset, static_cast<int>(op.flags % 3)));
    }
    case Kind::ftruncate:
      return answer_of(::ftruncate(file, op.length));
    case Kind::fsync:
      return answer_of(::fsync(file));
    case Kind::fdatasync:
      return answer_of(::fdatasync(file));
    case Kind::lock:
      return lock_and_unlock(file, op);
    case Kind::copy:
      return do_copy(op, file);
    case Kind::map:
      return do_map(op, file);
    default:
      return "unknown";
  }
}

// As cp does it: what one call copies may be less than asked for, the sum may not.
Answer Side::do_copy(const Operation& op, int file) {
  const int to = descriptor(op.other);
  if (to < 0) {
    return "empty";
  }
  off_t from_offset = op.offset;
  off_t to_offset = static_cast<off_t>(op.value);
  std::int64_t left = std::min(op.length, kMostBytes);
  while (left > 0) {
    const ssize_t copied =
        ::copy_file_range(file, &from_offset, to, &to_offset, static_cast<std::size_t>(left), 0);
    if (copied < 0) {
      return answer_of(-1);
    }
    if (copied == 0) {
      break;
    }
    left -= copied;
  }
  return std::to_string(from_offset - op.offset);
}

}  // namespace nineroot::stress
