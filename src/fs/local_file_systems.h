// Which devices hold file systems whose open files mean nothing but the inode: there a descriptor
// that was opened once is as good as a new one.  Not so on a network file system (opening looks for
// changes), in FUSE (opening is a request), and in overlayfs (a descriptor opened for reading does
// not follow the file to the upper layer).
#pragma once

#include <cstdint>
#include <map>
#include <mutex>

namespace nineroot::fs {

/// Thread-safe.
class LocalFileSystems {
 public:
  /// Known by learn() to be such a one.
  [[nodiscard]] bool contains(std::uint64_t device) const;

  /// Asks the file system of `fd`, O_PATH or not, which is on `device`; once for each.
  void learn(std::uint64_t device, int fd);

 private:
  mutable std::mutex mutex_;
  std::map<std::uint64_t, bool> known_;
};

}  // namespace nineroot::fs
