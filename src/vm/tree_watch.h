// Changes below a directory of the host, by inotify: an ordinary user can have it, on a directory
// per watch.  Who made a change cannot be told, so the guest's own are among them.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/failure.h"
#include "base/unique_fd.h"
#include "vm/host_changes.h"

namespace nineroot::vm {

class TreeWatch {
 public:
  /// Watches `paths` below `root`, each with all that is below it; they must be there.  Fails when
  /// the host does not allow as many watches.
  static Outcome<TreeWatch> open(const std::filesystem::path& root,
                                 const std::vector<std::string>& paths);

  [[nodiscard]] int fd() const { return inotify_.get(); }

  [[nodiscard]] std::size_t directories() const { return paths_.size(); }

  /// Adds what has come to `changes`, without waiting.  False when the kernel has lost some: then
  /// anything may have changed, and all directories are watched again.
  Outcome<bool> read(HostChanges& changes);

 private:
  TreeWatch(std::filesystem::path root, UniqueFd inotify, std::vector<std::string> tops)
      : root_(std::move(root)), inotify_(std::move(inotify)), tops_(std::move(tops)) {}

  Outcome<void> watch_tree(const std::string& path, HostChanges* found);
  Outcome<bool> watch_directory(const std::string& path);
  Outcome<void> watch_all();
  void forget_tree(const std::string& path);
  Outcome<void> take(int number, std::uint32_t mask, const std::string& name, HostChanges& changes);

  std::filesystem::path root_;
  UniqueFd inotify_;
  std::vector<std::string> tops_;
  std::unordered_map<int, std::string> paths_;
  std::map<std::string, int> numbers_;  ///< Sorted: a tree is a range of it.
};

}  // namespace nineroot::vm
