#include "storage/extents.h"

#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

namespace nineroot::storage {
namespace {

constexpr std::uint32_t kPerCall = 128;

/// A request, and behind it room for the extents of one answer.
struct Request {
  alignas(fiemap) std::array<std::byte, sizeof(fiemap) + kPerCall * sizeof(fiemap_extent)> room{};

  [[nodiscard]] fiemap* head() { return reinterpret_cast<fiemap*>(room.data()); }

  [[nodiscard]] fiemap_extent extent(std::uint32_t index) const {
    fiemap_extent one;
    std::memcpy(&one, room.data() + sizeof(fiemap) + index * sizeof(one), sizeof(one));
    return one;
  }
};

/// A compressed extent's address is that of its beginning, wherever in it the file's part is; data
/// without an address has 0.
constexpr std::uint32_t kInexact = FIEMAP_EXTENT_UNKNOWN | FIEMAP_EXTENT_DELALLOC |
                                   FIEMAP_EXTENT_ENCODED | FIEMAP_EXTENT_DATA_ENCRYPTED |
                                   FIEMAP_EXTENT_NOT_ALIGNED | FIEMAP_EXTENT_DATA_INLINE |
                                   FIEMAP_EXTENT_DATA_TAIL | FIEMAP_EXTENT_UNWRITTEN;

}  // namespace

bool Extent::is_shared() const {
  return (flags & FIEMAP_EXTENT_SHARED) != 0;
}

bool Extent::is_exact() const {
  return (flags & kInexact) == 0;
}

Result<std::vector<Extent>> read_extents(int file, Dirty dirty) {
  std::vector<Extent> found;
  Request request;
  std::uint64_t start = 0;
  while (true) {
    fiemap* const head = request.head();
    *head = {};
    head->fm_start = start;
    head->fm_length = std::numeric_limits<std::uint64_t>::max() - start;
    head->fm_flags = dirty == Dirty::written_out ? FIEMAP_FLAG_SYNC : 0;
    head->fm_extent_count = kPerCall;
    if (::ioctl(file, FS_IOC_FIEMAP, head) != 0) {
      return fail_errno();
    }
    const std::uint32_t count = std::min(head->fm_mapped_extents, kPerCall);
    for (std::uint32_t i = 0; i < count; ++i) {
      const fiemap_extent one = request.extent(i);
      found.push_back({one.fe_logical, one.fe_physical, one.fe_length, one.fe_flags});
    }
    if (count == 0 || (found.back().flags & FIEMAP_EXTENT_LAST) != 0) {
      return found;
    }
    const std::uint64_t next = found.back().logical + found.back().length;
    if (next <= start) {
      return fail(EIO);  // A file system that does not get on.
    }
    start = next;
  }
}

bool share_all(const std::vector<Extent>& a, const std::vector<Extent>& b) {
  return std::ranges::equal(a, b, [](const Extent& one, const Extent& other) {
    return one.logical == other.logical && one.physical == other.physical &&
           one.length == other.length && one.is_shared() && other.is_shared() && one.is_exact() &&
           other.is_exact();
  });
}

}  // namespace nineroot::storage
