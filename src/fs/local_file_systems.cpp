#include "fs/local_file_systems.h"

#include <sys/vfs.h>

#include <algorithm>
#include <array>

namespace nineroot::fs {
namespace {

// statfs(2).f_type of ext2 to ext4, XFS, btrfs, tmpfs, F2FS, ZFS, bcachefs.
constexpr std::array<std::uint32_t, 7> kLocal = {0xef53,     0x58465342, 0x9123683e, 0x01021994,
                                                 0xf2f52010, 0x2fc12fc1, 0xca451a4e};

/// A host with more file systems in a tree than this goes without the fast path for the rest.
constexpr std::size_t kMaxKnown = 1024;

}  // namespace

bool LocalFileSystems::contains(std::uint64_t device) const {
  const std::lock_guard lock(mutex_);
  const auto found = known_.find(device);
  return found != known_.end() && found->second;
}

void LocalFileSystems::learn(std::uint64_t device, int fd) {
  const std::lock_guard lock(mutex_);
  if (known_.contains(device) || known_.size() >= kMaxKnown) {
    return;
  }
  struct statfs info{};
  if (::fstatfs(fd, &info) == 0) {
    known_[device] =
        std::ranges::find(kLocal, static_cast<std::uint32_t>(info.f_type)) != kLocal.end();
  }
}

}  // namespace nineroot::fs
