// A directory's times, as they were before something was renamed in it.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include "base/unique_fd.h"

namespace nineroot::vm {

/// Puts them back when it goes.
class KeptTimes {
 public:
  /// `directory` is opened for reading; -1: nothing is kept.
  explicit KeptTimes(int directory) : fd_(::fcntl(directory, F_DUPFD_CLOEXEC, 0)) {
    struct stat info{};
    if (fd_.is_open() && ::fstat(fd_.get(), &info) == 0) {
      times_[0] = info.st_atim;
      times_[1] = info.st_mtim;
    } else {
      fd_.reset();
    }
  }

  ~KeptTimes() {
    if (fd_.is_open()) {
      ::futimens(fd_.get(), times_);
    }
  }

  KeptTimes(const KeptTimes&) = delete;
  KeptTimes& operator=(const KeptTimes&) = delete;

 private:
  UniqueFd fd_;
  timespec times_[2]{};
};

}  // namespace nineroot::vm
