// What has changed on the host, gathered per path, and the tasks that bring a guest in line.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "agent/refresh_task.h"

namespace nineroot::vm {

struct HostChange {
  bool is_new = false;
  bool has_content = false;
  bool has_attributes = false;
  bool is_directory = false;  ///< What was last seen of the name.

  void add(const HostChange& other);
};

/// By path below the root, as in RefreshTask.
using HostChanges = std::map<std::string, HostChange>;

/// In the order in which they are to be done: directories that are gone, of which the guest has to
/// know when they come by another name; what is there, parents first; other files that are gone, so
/// that what was moved is found at its new place before it is lost at the old.  What is gone comes
/// children first.
[[nodiscard]] std::vector<agent::RefreshTask> tasks_for(const std::filesystem::path& root,
                                                        const HostChanges& changes, bool is_quiet);

/// The names in which a mapped-file tree keeps its records are no files of the guest's.
[[nodiscard]] bool is_hidden_from_guest(std::string_view name);

/// Adds everything at and below `path` as possibly changed.  False when that is more than `limit`.
bool add_tree(const std::filesystem::path& root, const std::string& path, std::size_t limit,
              HostChanges& changes);

}  // namespace nineroot::vm
