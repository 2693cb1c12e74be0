#include "storage/dataset/origin.h"

#include <sys/xattr.h>

#include <bit>
#include <ctime>

#include "storage/descriptor.h"

namespace nineroot::storage {
namespace {

constexpr std::int64_t kNanoseconds = 1'000'000'000;
constexpr std::int64_t kSettledAfter = 20'000'000;

static_assert(std::endian::native == std::endian::little, "the record is little-endian");

}  // namespace

Origin Origin::of(const struct statx& info) {
  return {.inode = info.stx_ino,
          .ctime_ns = info.stx_ctime.tv_sec * kNanoseconds + info.stx_ctime.tv_nsec};
}

bool is_settled(const struct statx& info) {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return now.tv_sec * kNanoseconds + now.tv_nsec - Origin::of(info).ctime_ns > kSettledAfter;
}

Result<void> write_origin(int inode, const Origin& origin) {
  if (::setxattr(path_of(inode).c_str(), kOriginXattr, &origin, sizeof origin, 0) != 0) {
    return fail_errno();
  }
  return {};
}

Origin read_origin(int inode) {
  Origin origin;
  const ssize_t size = ::getxattr(path_of(inode).c_str(), kOriginXattr, &origin, sizeof origin);
  return size == sizeof origin ? origin : Origin{};
}

}  // namespace nineroot::storage
