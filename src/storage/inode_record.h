// What a tree's layout keeps about one inode beyond the host's own: reading and writing it in each
// of the three layouts.  Where the inode is found is tree_walk.h's.
#pragma once

#include <sys/stat.h>

#include <string>

#include "base/mapped_format.h"
#include "base/result.h"
#include "storage/layout.h"

namespace nineroot::storage {

/// An inode under a name: mapped_file finds the record by the name, the others by the inode.
struct NamedInode {
  int parent;               ///< The directory; for the root the root itself.
  const std::string& name;  ///< Empty for the root.
  int inode;                ///< O_PATH or opened.
};

/// True for the names that a layout keeps for itself, in every directory.
[[nodiscard]] bool is_reserved_name(Layout layout, std::string_view name);

/// Fields that are not recorded are absent; plain records nothing.
Result<mapped::Recorded> read_record(Layout layout, const NamedInode& at);

/// Records the fields that are present.  Mapped layouts never chmod the host inode.  plain sets
/// mode and owner of the host inode itself (mode is skipped for symlinks).
Result<void> write_record(Layout layout, const NamedInode& at, const mapped::Recorded& record);

/// Forgets what was recorded under a name that is about to go or to be replaced; only mapped_file
/// has anything to forget.  Fine if there is nothing.
Result<void> forget_record(Layout layout, int parent, const std::string& name);

/// Gives `new_name` the record of `name`, shared, as hard links must; only mapped_file acts.
Result<void> share_record(Layout layout, int parent, const std::string& name, int new_parent,
                          const std::string& new_name);

/// The host inode's values with the record's in their place.
void apply_record(struct stat& info, const mapped::Recorded& record);

}  // namespace nineroot::storage
