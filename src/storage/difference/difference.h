// One thing in which two trees differ.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/failure.h"
#include "storage/difference/guest_inode.h"

namespace nineroot::storage {

/// From the first tree to the second.
enum class Change {
  added,     ///< Only the second tree has the name.
  removed,   ///< Only the first one has it.
  type,      ///< A file became a directory, or the like.
  modified,  ///< Content, size or target differ, and perhaps more.
  metadata,  ///< All else is equal.
  renamed,   ///< The same inode under another name.  Only RenameFinder (renames.h) tells.
};

[[nodiscard]] std::string_view name_of(Change change);

/// modified or metadata, for inodes of one type in which `fields` differ.  If content was not read
/// (CompareOptions), another mtime of a regular file counts as other content.
[[nodiscard]] Change change_of(const std::vector<Field>& fields, std::uint32_t mode,
                               bool read_content);

struct Difference {
  Change change = Change::added;
  std::string path;           ///< The guest's, bytes: "/etc/passwd", and "/" for the root.
  std::string from;           ///< The path in the first tree, where that is another one.
  std::vector<Field> fields;  ///< Of modified, metadata and renamed: what differs.
  std::optional<GuestInode> before;
  std::optional<GuestInode> after;
};

/// Takes differences as they are found.  A Failure ends the comparison.
using DifferenceSink = std::function<Outcome<void>(Difference)>;

}  // namespace nineroot::storage
