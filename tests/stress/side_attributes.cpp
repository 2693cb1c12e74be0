// Attributes by path and by descriptor.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdio>

#include "tests/stress/side.h"

namespace nineroot::stress {
namespace {

// 2001-09-09: operations set times before, the clock is after it.
constexpr std::int64_t kFirstOfTheClock = 1'000'000'000;
constexpr std::int64_t kBillion = 1'000'000'000;

std::string describe_time(const timespec& time) {
  return time.tv_sec >= kFirstOfTheClock
             ? "now"
             : std::to_string(time.tv_sec) + "." + std::to_string(time.tv_nsec);
}

/// -1 is now, -2 is leave it; else nanoseconds since 1970.
timespec time_of(std::int64_t number) {
  if (number < 0) {
    return {.tv_sec = 0, .tv_nsec = number == -1 ? UTIME_NOW : UTIME_OMIT};
  }
  return {.tv_sec = number / kBillion, .tv_nsec = number % kBillion};
}

std::array<timespec, 2> times_of(const Operation& op) {
  return {time_of(op.offset), time_of(op.length)};
}

// The access time is compared only right after it was set: when reading changes it is a matter of
// mount options on both sides.
Answer after_setting_times(long result, const Operation& op, const struct stat& status) {
  if (result != 0) {
    return answer_of(-1);
  }
  return op.offset == -2 ? "0" : "0, atime " + describe_time(status.st_atim);
}

uid_t id_of(std::int64_t number) {
  return static_cast<uid_t>(number);
}

}  // namespace

std::string describe(const struct stat& status) {
  std::array<char, 200> text{};
  std::snprintf(text.data(), text.size(), "%06o %u:%u links %lu size %lld rdev %lx mtime %s",
                status.st_mode, status.st_uid, status.st_gid,
                static_cast<unsigned long>(status.st_nlink),
                S_ISDIR(status.st_mode) ? -1LL : static_cast<long long>(status.st_size),
                S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode)
                    ? static_cast<unsigned long>(status.st_rdev)
                    : 0UL,
                S_ISFIFO(status.st_mode) ? "of its pipe" : describe_time(status.st_mtim).c_str());
  return text.data();
}

Answer Side::do_attributes(const Operation& op, int at) const {
  const char* path = op.path.c_str();
  const int no_follow = op.kind == Kind::lstat || op.kind == Kind::lchown || (op.flags & 1U) != 0
                            ? AT_SYMLINK_NOFOLLOW
                            : 0;
  struct stat status{};
  switch (op.kind) {
    case Kind::truncate: {
      // There is no truncateat.
      const std::string by_descriptor = "/proc/self/fd/" + std::to_string(at) + "/" + op.path;
      return answer_of(::truncate(by_descriptor.c_str(), op.length));
    }
    case Kind::access:
      return answer_of(::faccessat(at, path, static_cast<int>(op.mode % 8), AT_EACCESS));
    case Kind::chmod:
      return answer_of(::fchmodat(at, path, op.mode, 0));
    case Kind::chown:
    case Kind::lchown:
      return answer_of(::fchownat(at, path, id_of(op.offset), id_of(op.length), no_follow));
    case Kind::utimens: {
      const long result = ::utimensat(at, path, times_of(op).data(), no_follow);
      return after_setting_times(result == 0 ? ::fstatat(at, path, &status, no_follow) : result, op,
                                 status);
    }
    default:
      return ::fstatat(at, path, &status, no_follow) == 0 ? describe(status) : answer_of(-1);
  }
}

Answer Side::do_open_attributes(const Operation& op, int file) const {
  struct stat status{};
  switch (op.kind) {
    case Kind::link_open: {
      const int to = op.other >= 0 ? descriptor(op.other) : root_.get();
      const std::string from = "/proc/self/fd/" + std::to_string(file);
      return to < 0 ? "empty"
                    : answer_of(::linkat(AT_FDCWD, from.c_str(), to, op.path2.c_str(),
                                         AT_SYMLINK_FOLLOW));
    }
    case Kind::fchmod:
      return answer_of(::fchmod(file, op.mode));
    case Kind::fchown:
      return answer_of(::fchown(file, id_of(op.offset), id_of(op.length)));
    case Kind::futimens: {
      const long result = ::futimens(file, times_of(op).data());
      return after_setting_times(result == 0 ? ::fstat(file, &status) : result, op, status);
    }
    default:
      return ::fstat(file, &status) == 0 ? describe(status) : answer_of(-1);
  }
}

}  // namespace nineroot::stress
