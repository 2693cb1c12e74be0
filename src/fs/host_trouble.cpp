#include "fs/host_trouble.h"

#include <cstddef>

#include "base/log.h"

namespace nineroot::fs {
namespace {

struct Kind {
  int error;
  const char* what;
  const char* advice;
};

constexpr Kind kKinds[] = {
    {EIO, "the disk under the tree fails", "look into the kernel's log (dmesg)"},
    {EUCLEAN, "the file system under the tree is damaged",
     "look into the kernel's log (dmesg), stop this server and run fsck"},
    {EROFS, "the file system under the tree is read-only",
     "if it was not mounted so, the kernel's log (dmesg) tells why it is now"},
    {ENOSPC, "the file system under the tree is full", "free blocks or inodes: see df and df -i"},
    {EDQUOT, "the quota of the user who serves the tree is used up", "see quota, or btrfs qgroup"},
    {ESTALE, "a file in use is gone from where it was",
     "it was moved or replaced on the host, or a network file system has lost it"},
    {ENOTCONN, "the FUSE file system under the tree has ended", "mount it again"},
    {EMFILE, "this server is out of descriptors", "raise its limit (ulimit -n)"},
    {ENFILE, "the guest holds more deleted files open than descriptors can be had for",
     "raise the server's limit (ulimit -n)"},
};

}  // namespace

void HostTrouble::note(Errno error) {
  for (std::size_t i = 0; i < std::size(kKinds); ++i) {
    const std::uint32_t bit = std::uint32_t{1} << i;
    if (kKinds[i].error == code(error) && (said_.fetch_or(bit) & bit) == 0) {
      log::error("{}: a guest was answered {}; {}. This is said once.", kKinds[i].what,
                 errno_name(error), kKinds[i].advice);
    }
  }
}

}  // namespace nineroot::fs
