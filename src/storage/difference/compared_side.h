// One of two trees that are compared, and where in it the comparison is.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/failure.h"
#include "storage/descent.h"
#include "storage/difference/guest_inode.h"
#include "storage/difference/tree_difference.h"
#include "storage/tree_walk.h"

namespace nineroot::storage {

/// What a tree has under a name; nothing if it has not got it.
struct Found {
  std::optional<GuestInode> inode;
  UniqueFd fd;  ///< O_PATH.

  [[nodiscard]] bool is_directory() const { return inode && S_ISDIR(inode->mode); }
};

class ComparedSide {
 public:
  /// Begins at the tree's start, in the directory that holds it.  A tree that lacks the directories
  /// on the way has nothing there, which is no Failure.
  static Outcome<ComparedSide> of(const ComparedTree& tree);

  /// What the comparison began at.
  [[nodiscard]] const Place& start() const { return start_; }

  [[nodiscard]] Layout layout() const { return tree_.layout; }

  /// The inode of `name` in the present directory.  Before it went into any, all names mean the
  /// start, which may be called otherwise in the other tree.
  [[nodiscard]] Result<HostInode> host_inode(const std::string& name) const {
    return read_host_inode(descent_.fd(), own(name));
  }

  /// The state of which it is a copy, by CompareOptions::original.
  [[nodiscard]] std::optional<InodeState> original(const std::string& name,
                                                   const CompareOptions& options) const;

  /// `path` is that of `name`, for messages, here and below.
  [[nodiscard]] Outcome<Found> find(const std::string& name, const std::string& path) const;

  /// Goes into `directory`, which is `name` in the present one; returns the names in it, unsorted.
  Outcome<std::vector<std::string>> enter(const std::string& name, UniqueFd directory,
                                          const std::string& path);

  Outcome<void> leave(const std::string& path);

  [[nodiscard]] std::unexpected<Failure> cannot_read(const std::string& path, Errno cause) const;

 private:
  /// Empty for the root.
  [[nodiscard]] const std::string& own(const std::string& name) const {
    return descent_.is_at_root() ? start_.name : name;
  }

  [[nodiscard]] Result<UniqueFd> open(const std::string& name) const;

  ComparedSide(const ComparedTree& tree, Place start)
      : tree_(tree), start_(std::move(start)), descent_(start_.parent.get()) {}

  const ComparedTree& tree_;
  Place start_;
  Descent descent_;
};

}  // namespace nineroot::storage
