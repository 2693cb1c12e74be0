// The way from a tree's root down to one of its directories, by descriptor: for walks that go as
// deep as a guest likes, with few descriptors and without a path that the kernel would refuse.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace nineroot::storage {

class Descent {
 public:
  /// `root` is borrowed.
  explicit Descent(int root) : root_(root) {}

  /// Goes down into `directory`, which is `name` in the present one.
  Result<void> enter(UniqueFd directory, std::string name);

  /// Goes back up.  ESTALE if the way there is lost, because a directory was moved meanwhile.
  Result<void> leave();

  /// The present directory; O_PATH.
  [[nodiscard]] int fd() const { return levels_.empty() ? root_ : levels_.back().fd.get(); }

  [[nodiscard]] bool is_at_root() const { return levels_.empty(); }

 private:
  struct Level {
    UniqueFd fd;  ///< Closed while the present directory is far below.
    std::string name;
    dev_t device;
    ino_t number;
  };

  Result<void> reopen_last(int below);
  Result<UniqueFd> open_last() const;

  int root_;
  std::vector<Level> levels_;
};

}  // namespace nineroot::storage
