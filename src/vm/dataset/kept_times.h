// A directory's times, as they were before something was renamed in it.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>

#include "base/unique_fd.h"

namespace nineroot::vm {

/// Puts them back when it goes; does nothing for what cannot be opened.
class KeptTimes {
 public:
  explicit KeptTimes(const std::filesystem::path& directory)
      : fd_(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) {
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
