// Where a machine is made until it is whole: a directory beside the machines that becomes the
// machine by one rename, or is gone.
#pragma once

#include <filesystem>
#include <string>

#include "base/failure.h"
#include "base/unique_fd.h"

namespace nineroot::vm {

/// machines/.NAME.creating-PID, locked by flock(2) as long as its maker lives.
class Staging {
 public:
  /// Makes the directory (and the home, 0700, if need be) for a machine `name`, and removes what
  /// makers that died have left.  Fails if the name is taken.
  static Outcome<Staging> make(const std::filesystem::path& home, const std::string& name);

  Staging(Staging&&) = default;
  Staging& operator=(Staging&&) = delete;

  /// Removes all of it unless publish() has succeeded.
  ~Staging();

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  [[nodiscard]] int fd() const { return directory_.get(); }

  /// Puts all data on the disk and gives the directory its name.  Fails if the name was taken
  /// meanwhile.  Returns the machine's directory.
  Outcome<std::filesystem::path> publish();

 private:
  Staging(UniqueFd machines, UniqueFd directory, std::filesystem::path path, std::string name)
      : machines_(std::move(machines)),
        directory_(std::move(directory)),
        path_(std::move(path)),
        name_(std::move(name)) {}

  UniqueFd machines_;
  UniqueFd directory_;  ///< Carries the lock.
  std::filesystem::path path_;
  std::string name_;
  bool is_published_ = false;
};

}  // namespace nineroot::vm
