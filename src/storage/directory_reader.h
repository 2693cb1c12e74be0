// Reads an existing tree on the host as a source of entries, in the guest's view: a mapped tree
// gives its recorded owners, a plain one its real ones.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/failure.h"
#include "base/unique_fd.h"
#include "storage/entry.h"
#include "storage/layout.h"

namespace nineroot::storage {

class DirectoryReader : public EntrySource {
 public:
  /// Reads the tree behind the descriptor `root` (borrowed); `name` is for messages.
  /// `squashes_owner` is ImportSource's.
  DirectoryReader(int root, Layout layout, std::string name, bool squashes_owner = false);

  /// What cannot be read is a Failure, never left out; but the content of kernel file systems
  /// (proc, sysfs ...) that are mounted in the tree is not part of it.
  Outcome<bool> next(Entry& entry) override;

  /// Shares the blocks where the file system can, else copies inside the kernel.
  Outcome<void> copy_content(int to) override;

  [[nodiscard]] std::uint64_t consumed() const override { return consumed_; }

 private:
  /// A directory whose names are being gone through.
  struct Level {
    std::string path;  ///< "" for the root, else "/a/b".
    UniqueFd fd;       ///< Closed when the tree is deep; then opened again.
    std::vector<std::string> names;
  };

  Outcome<void> enter(std::string path, UniqueFd fd);
  Outcome<int> level_fd();
  Outcome<void> fill(Entry& entry, int parent, const std::string& name, int inode);
  Outcome<void> take_xattrs(Entry& entry, int inode) const;

  int root_;
  Layout layout_;
  std::string name_;
  bool squashes_owner_;
  uid_t owner_ = 0;  ///< Of the root, on the host.
  bool has_begun_ = false;
  std::vector<Level> levels_;
  std::string present_;                                    ///< The path of the present entry.
  UniqueFd file_;                                          ///< It, O_PATH.
  std::map<std::pair<dev_t, ino_t>, std::string> linked_;  ///< Seen files with several names.
  std::uint64_t consumed_ = 0;
};

}  // namespace nineroot::storage
