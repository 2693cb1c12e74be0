// A tree that a verb is told to look at: a machine's, or one at any path.
#pragma once

#include <ctime>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/failure.h"
#include "storage/difference/tree_difference.h"
#include "storage/guest_tree.h"
#include "vm/machine.h"

namespace nineroot::cli {

/// A data set, or a whole tree.
struct TreePart {
  std::string path;  ///< Where the guest sees it: "/", "/home".
  storage::GuestTree tree;
  bool is_copy = false;  ///< A snapshot whose inodes know what they are copies of.
};

struct NamedTree {
  std::string name;               ///< As it was given, for people.
  std::filesystem::path lineage;  ///< The machine's tree that it is, or is a snapshot of.
  /// Sorted by path, the root first.  What is live is one part, in which all data sets are; a
  /// snapshot has one for each of them, with an empty directory in its place in the others.
  std::vector<TreePart> parts;
  /// Of a snapshot all of which kept inode numbers and ctimes: when it was begun.
  std::optional<timespec> taken;

  /// `path`, absolute and clean, in the part that has it.
  [[nodiscard]] storage::ComparedTree at(const std::string& path) const;
};

/// `text` is a machine's name, NAME@SNAPSHOT, or a path to a tree.
Outcome<NamedTree> open_tree(const std::string& text);

/// All snapshots of a machine; a bare tree has none.
Outcome<std::vector<NamedTree>> open_snapshots(const vm::Machine& machine);

/// The tree of a machine; that of a bare tree in the layout that is found in it.
Outcome<storage::GuestTree> open_tree_of(const vm::Machine& machine);

/// The machines of `names`, each once; all under the home if there are none.
Outcome<std::vector<vm::Machine>> find_machines(const std::vector<std::string>& names);

}  // namespace nineroot::cli
