// Goes through all inodes of a tree as the host has them, for those who count or hash them.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/failure.h"
#include "base/unique_fd.h"
#include "storage/descent.h"

namespace nineroot::storage {

/// What was found.  Directories are numbered as they come, the root being 0.
struct Scanned {
  std::string name;             ///< Empty for the root.
  std::uint64_t directory = 0;  ///< The number of the one it is in; of the root its own.
  struct stat host{};
};

class TreeScan {
 public:
  /// Of the tree behind `root` (borrowed); `name` is for messages.
  TreeScan(int root, std::string name) : root_(root), name_(std::move(name)), descent_(root) {}

  /// Fills `found` with the next inode, a directory before what is in it; false at the end.  What
  /// vanishes meanwhile is left out, as is what kernel file systems hold.  A directory that may not
  /// be read is counted as unreadable and passed over.  All else is a Failure.
  Outcome<bool> next(Scanned& found);

  /// Opens what was found last with `flags`, never following a symlink nor waiting for a fifo.
  Result<UniqueFd> open(const Scanned& found, int flags) const;

  /// How many directories were passed over.
  [[nodiscard]] std::uint64_t unreadable() const { return unreadable_; }

 private:
  struct Level {
    std::uint64_t number;
    std::vector<std::string> names;  ///< Still to come.
  };

  Outcome<void> enter(const std::string& name);
  [[nodiscard]] std::unexpected<Failure> cannot_read(const std::string& name, Errno cause) const;

  int root_;
  std::string name_;
  Descent descent_;
  std::vector<Level> levels_;
  std::string pending_;  ///< The directory that was found last, not yet gone into.
  bool is_pending_ = false;
  bool has_begun_ = false;
  std::uint64_t directories_ = 0;
  std::uint64_t unreadable_ = 0;
};

}  // namespace nineroot::storage
