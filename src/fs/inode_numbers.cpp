#include "fs/inode_numbers.h"

#include <sys/vfs.h>

#include <cstring>

namespace nineroot::fs {
namespace {

/// SplitMix64's finaliser: every input bit moves every output bit.
std::uint64_t mix(std::uint64_t value) {
  value = (value ^ (value >> 30U)) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 27U)) * 0x94d049bb133111ebU;
  return value ^ (value >> 31U);
}

}  // namespace

Result<std::uint64_t> InodeNumbers::number_elsewhere(std::uint64_t inode) {
  if (multidevs_ == Multidevs::forbid) {
    complaints_.warn(
        "another file system is mounted in the export; the guest gets ENODEV for what "
        "is on it (--multidevs forbid)");
    return fail(ENODEV);
  }
  complaints_.warn(
      "another file system is mounted in the export, and inode numbers of the two may "
      "be the same for different files (--multidevs warn); remap keeps them apart");
  return inode;
}

Result<std::uint64_t> InodeNumbers::number(std::uint64_t device, std::uint64_t inode, int fd) {
  if (multidevs_ != Multidevs::remap && device != root_device_) {
    return number_elsewhere(inode);
  }
  const std::uint64_t low = inode & ((std::uint64_t{1} << kInodeBits) - 1);
  const std::pair key{device, inode >> kInodeBits};
  const std::lock_guard lock(mutex_);
  auto found = slots_.find(key);
  if (found == slots_.end()) {
    // 0 is the root file system's; 0xffff would collide with the client's arithmetic, which adds 2.
    constexpr std::uint64_t kSlots = 0xfffe;
    if (taken_.size() >= kSlots) {
      return fail(EOVERFLOW);
    }
    struct statfs info{};
    if (::fstatfs(fd, &info) < 0) {
      return fail_errno();
    }
    std::uint64_t fsid = 0;
    static_assert(sizeof(info.f_fsid) == sizeof(fsid));
    std::memcpy(&fsid, &info.f_fsid, sizeof(fsid));
    // A file system without an id is known by its device number, the best that is left.
    const std::uint64_t seed = fsid != 0 ? fsid : device;
    auto slot = static_cast<std::uint16_t>(1 + mix(seed ^ mix(key.second)) % kSlots);
    while (taken_.contains(slot)) {
      slot = static_cast<std::uint16_t>(1 + slot % kSlots);
    }
    taken_[slot] = key;
    found = slots_.emplace(key, slot).first;
  }
  return (std::uint64_t{found->second} << kInodeBits) | low;
}

}  // namespace nineroot::fs
