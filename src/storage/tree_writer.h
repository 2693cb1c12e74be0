// Writes the entries of an archive or of another tree into a tree of a given layout, as an ordinary
// user.  Names come from strangers: nothing is written outside the root, whatever they say.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/failure.h"
#include "base/mapped_format.h"
#include "base/unique_fd.h"
#include "storage/entry.h"
#include "storage/layout.h"

namespace nineroot::storage {

class TreeWriter {
 public:
  /// Writes below the directory `root` (borrowed).
  TreeWriter(int root, Layout layout) : root_(root), layout_(layout) {}

  /// A later entry of the same name replaces the earlier one, but no directory that has something
  /// in it.  A directory entry over a symlink to a directory leaves the symlink (usrmerge).
  /// Missing parents are made, root's, 0755.
  Outcome<void> add(const Entry& entry, EntrySource& source);

  /// Does what had to wait: hard links to later entries, ACLs by name, times of directories.  A
  /// root without an entry becomes root's, 0755.
  Outcome<void> finish();

  [[nodiscard]] std::uint64_t entries() const { return entries_; }

  /// What was left out, for people; the first few of each kind.
  [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  struct LateLink {
    std::string path;
    std::string target;
  };

  struct LateAcl {
    std::string path;
    std::string xattr;
    PosixAcl acl;
  };

  Outcome<int> parent_of(const std::string& path);
  Result<int> find_parent(std::string_view wanted);
  Outcome<void> write_root(const Entry& entry);
  Outcome<void> write_directory(const std::string& path, int parent, const Entry& entry);
  Outcome<void> write_file(const std::string& path, int parent, const Entry& entry,
                           EntrySource& source);
  Outcome<void> write_plain_special(const std::string& path, int parent, const Entry& entry);
  Outcome<UniqueFd> create(const std::string& path, int parent);
  Outcome<void> make_room(const std::string& path, int parent);
  Outcome<bool> leads_to_directory(const std::string& path) const;

  /// False when the target is not there yet.
  Outcome<bool> link(const std::string& path, const std::string& target);

  Outcome<void> describe_inode(const std::string& path, int parent, const std::string& name,
                               int inode, const Entry& entry);
  Outcome<void> write_xattrs(const std::string& path, int inode, const Entry& entry);
  Outcome<void> write_xattr(const std::string& path, int inode, const std::string& name,
                            std::string_view value);
  Outcome<void> write_acl(const std::string& path, int inode, const char* name,
                          const PosixAcl& acl);
  Outcome<void> finish_root();
  Outcome<void> finish_links();
  Outcome<void> finish_acls();
  Outcome<void> finish_times();
  void warn(std::string text);

  int root_;
  Layout layout_;
  std::uint64_t entries_ = 0;
  bool has_root_ = false;    ///< There was an entry for the root itself.
  std::string parent_path_;  ///< Of parent_; entries of one directory come together.
  UniqueFd parent_;
  bool is_parent_stale_ = false;  ///< Something was replaced: look the directory up again.
  std::vector<LateLink> late_links_;
  std::vector<LateAcl> late_acls_;
  std::vector<std::pair<std::string, timespec>> directory_times_;
  std::vector<std::string> warnings_;
};

}  // namespace nineroot::storage
