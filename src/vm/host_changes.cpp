#include "vm/host_changes.h"

#include <sys/stat.h>

#include <algorithm>
#include <system_error>

namespace nineroot::vm {

namespace fs = std::filesystem;

void HostChange::add(const HostChange& other) {
  is_new = is_new || other.is_new;
  has_content = has_content || other.has_content;
  has_attributes = has_attributes || other.has_attributes;
  is_directory = other.is_directory;
}

std::vector<agent::RefreshTask> tasks_for(const fs::path& root, const HostChanges& changes,
                                          bool is_quiet) {
  std::vector<agent::RefreshTask> present;
  std::vector<agent::RefreshTask> gone;
  std::vector<agent::RefreshTask> gone_directories;
  for (const auto& [path, change] : changes) {
    if (!agent::is_good_path(path)) {
      continue;  // Longer than any path that the guest could name.
    }
    agent::RefreshTask task{.kind = agent::RefreshTask::Kind::path,
                            .path = path,
                            .is_new = change.is_new,
                            .has_content = change.has_content,
                            .has_attributes = change.has_attributes,
                            .is_directory = change.is_directory,
                            .is_quiet = is_quiet,
                            .number = 0,
                            .size = 0};
    struct stat status{};
    if (::lstat((path.empty() ? root : root / path).c_str(), &status) != 0) {
      (change.is_directory ? gone_directories : gone).push_back(std::move(task));
      continue;
    }
    task.is_directory = S_ISDIR(status.st_mode);
    task.number = status.st_ino;
    task.size = S_ISREG(status.st_mode) ? static_cast<std::uint64_t>(status.st_size) : 0;
    present.push_back(std::move(task));
  }
  std::ranges::reverse(gone);
  std::ranges::reverse(gone_directories);
  std::vector<agent::RefreshTask> all = std::move(gone_directories);
  all.insert(all.end(), std::make_move_iterator(present.begin()),
             std::make_move_iterator(present.end()));
  all.insert(all.end(), std::make_move_iterator(gone.begin()), std::make_move_iterator(gone.end()));
  return all;
}

bool is_hidden_from_guest(std::string_view name) {
  return name == ".virtfs_metadata" || name == ".virtfs_metadata_root";
}

bool add_tree(const fs::path& root, const std::string& path, std::size_t limit,
              HostChanges& changes) {
  constexpr HostChange kAnything{
      .is_new = false, .has_content = true, .has_attributes = true, .is_directory = false};
  changes[path].add(kAnything);
  std::error_code error;
  const fs::path top = path.empty() ? root : root / path;
  if (!fs::is_directory(fs::symlink_status(top, error))) {
    return true;
  }
  fs::recursive_directory_iterator entry(top, fs::directory_options::skip_permission_denied, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    if (is_hidden_from_guest(entry->path().filename().string())) {
      entry.disable_recursion_pending();
      continue;
    }
    if (changes.size() >= limit) {
      return false;
    }
    const std::string below = entry->path().lexically_relative(root).string();
    changes[below].add(kAnything);
  }
  return true;
}

}  // namespace nineroot::vm
