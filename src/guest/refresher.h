// Brings what this kernel's 9P client has cached in line with the host, task by task.  Which tasks,
// and what happened on the host, is told by the host; what the guest itself has open, dirty or
// locked is never lost.  docs/coherence.md says what comes of it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/refresh_task.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace nineroot::guest {

class Refresher {
 public:
  /// `root` is the directory that the paths are below; `drop_caches` the file that the kernel is
  /// told through.  Without heralds (guest/herald.h) caches are dropped and nobody is woken.
  Refresher(UniqueFd root, std::string drop_caches, bool has_heralds);

  /// Errors, beside those of the system calls: ENOSYS on kernels before 5.6.
  /// A path that the guest does not have, or a mount of its own hides, is done already.
  Result<void> run(const agent::RefreshTask& task);

 private:
  /// A name in a directory; the root has none.
  struct Place {
    UniqueFd dir;
    std::string name;
  };

  Result<void> run_path(const agent::RefreshTask& task);
  /// Nothing for a path that the guest does not have.
  Result<std::optional<Place>> find(const std::string& path) const;
  bool wait_for_new_name(int dir, const std::string& name, const agent::RefreshTask& task);
  bool move_directory(int dir, const std::string& name, const agent::RefreshTask& task);
  Result<void> remove_what_left();
  Result<UniqueFd> open_directory(const std::string& path) const;
  void refresh_gone(int dir, const std::string& name, const agent::RefreshTask& task);
  bool refresh_new(int dir, const std::string& name, const agent::RefreshTask& task);
  Result<void> drop(const char* what);

  UniqueFd root_;
  std::string drop_caches_;
  bool has_heralds_;
  bool must_drop_names_ = false;
  // Directories that are gone by these names.  They may come by others, and then are known by their
  // numbers; at the end they are removed.
  std::vector<agent::RefreshTask> left_;
  std::map<std::uint64_t, std::string> left_numbers_;
};

/// The process that the agent starts for it: tasks from standard input, answers to standard output.
int refresh_guest();

}  // namespace nineroot::guest
