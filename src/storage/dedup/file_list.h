// The files that may hold what others hold too, in all trees that are looked at.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/failure.h"
#include "base/unique_fd.h"
#include "storage/dedup/content_hash.h"
#include "storage/dedup/file_stamp.h"
#include "storage/tree_scan.h"

namespace nineroot::storage {

/// A tree whose files may share their data with others'.
struct DedupTree {
  int root = -1;  ///< Borrowed.
  std::string name;
  bool is_source_only = false;  ///< Its files are shared with, and never changed.
};

/// A file system, or a subvolume of one.
struct Volume {
  dev_t device = 0;
  std::string type;             ///< "btrfs", for people.
  std::string tree;             ///< In which it was met first.
  std::string sharing;          ///< sharing_domain(); empty if it cannot share data.
  std::uint64_t numbering = 0;  ///< numbering_domain()
};

struct ListedFile {
  std::uint32_t tree = 0;
  std::uint64_t directory = 0;  ///< TreeScan's number in that tree.
  std::string name;
  FileStamp stamp;  ///< When it was listed.
  const Volume* volume = nullptr;
  ContentHash hash;
};

class FileList {
 public:
  /// Adds the regular files of `tree` that have blocks: what is empty, or a hole, gains nothing.
  /// By each of their names.
  Outcome<void> add(const DedupTree& tree);

  [[nodiscard]] std::vector<ListedFile>& files() { return files_; }

  [[nodiscard]] const std::vector<DedupTree>& trees() const { return trees_; }

  [[nodiscard]] const std::map<dev_t, Volume>& volumes() const { return volumes_; }

  [[nodiscard]] bool is_source_only(const ListedFile& file) const {
    return trees_[file.tree].is_source_only;
  }

  /// How many files were seen, listed or not, and how many directories could not be read.
  [[nodiscard]] std::uint64_t seen() const { return seen_; }

  [[nodiscard]] std::uint64_t unreadable() const { return unreadable_; }

  /// Opens a file for reading.  ESTALE if something else has its name now, or it has changed since
  /// it was listed; ENOENT and what else the host's calls give.
  Result<UniqueFd> open(const ListedFile& file);

  /// "web: /etc/passwd"
  [[nodiscard]] std::string describe(const ListedFile& file) const;

 private:
  struct Directory {
    std::uint64_t parent;
    std::string name;
  };

  const Volume& volume_of(const TreeScan& scan, const Scanned& found, const std::string& tree);
  Result<void> go_to(const ListedFile& file);

  std::vector<DedupTree> trees_;
  std::vector<std::vector<Directory>> directories_;  ///< By tree and number.
  std::vector<ListedFile> files_;
  std::map<dev_t, Volume> volumes_;
  std::uint64_t seen_ = 0;
  std::uint64_t unreadable_ = 0;
  // Where open() was last.
  UniqueFd here_;
  std::pair<std::uint32_t, std::uint64_t> place_;
};

}  // namespace nineroot::storage
