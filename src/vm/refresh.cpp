#include "vm/refresh.h"

#include <poll.h>

#include <algorithm>
#include <optional>

#include "base/log.h"
#include "storage/guest_tree.h"
#include "vm/boot_options.h"
#include "vm/guest_refresher.h"
#include "vm/host_changes.h"
#include "vm/interruption.h"
#include "vm/runtime.h"
#include "vm/tree_watch.h"

namespace nineroot::vm {
namespace {

using agent::RefreshTask;
using std::chrono::milliseconds;

// Each costs the guest a few requests; dropping everything is soon cheaper.
constexpr std::size_t kMostPaths = 4096;

// How long changes are gathered after the first, so that a burst on one file is one task.
constexpr milliseconds kGathering{100};

// As in RefreshTask.
Outcome<std::string> resolve(const storage::GuestTree& tree, const std::string& path) {
  if (!path.starts_with('/')) {
    return std::unexpected(Failure(fmt::format("{} is no path in the guest", path))
                               .with_hint("begin it with /, the guest's root")
                               .as_usage());
  }
  const std::string trimmed = path.substr(0, path.find_last_not_of('/') + 1);
  const std::size_t slash = trimmed.rfind('/');
  if (slash == std::string::npos) {
    return std::string();
  }
  const std::string name = trimmed.substr(slash + 1);
  std::string parent = TRY(context(tree.canonical(trimmed.substr(0, slash + 1)),
                                   fmt::format("cannot find {} in the tree", path)));
  parent.erase(0, 1);
  std::string resolved = parent + (parent.empty() ? "" : "/") + name;
  if (!agent::is_good_path(resolved)) {
    return std::unexpected(Failure(fmt::format("{} is no path that can be refreshed", path))
                               .with_hint("name it without . and .. at its end")
                               .as_usage());
  }
  return resolved;
}

Outcome<std::vector<std::string>> resolve_all(const Machine& machine,
                                              const std::vector<std::string>& paths) {
  if (paths.empty()) {
    return std::vector<std::string>{""};
  }
  const storage::GuestTree tree =
      TRY(storage::GuestTree::open(machine.root, layout_of(machine.settings.identity)));
  std::vector<std::string> resolved;
  for (const std::string& path : paths) {
    std::string one = TRY(resolve(tree, path));
    resolved.push_back(std::move(one));
  }
  return resolved;
}

Outcome<RefreshReport> carry_out(GuestRefresher& guest, std::vector<RefreshTask> tasks,
                                 RefreshReport report) {
  report.paths = tasks.size() - 1;
  report.complaints = TRY(guest.run(tasks));
  return report;
}

Outcome<RefreshReport> refresh_everything(GuestRefresher& guest) {
  return carry_out(guest, {RefreshTask{.kind = RefreshTask::Kind::everything}},
                   {.is_everything = true});
}

Outcome<GuestRefresher> open_guest(const Machine& machine, std::chrono::seconds patience) {
  return GuestRefresher::open(RuntimePaths::of(machine).control_socket(), patience, patience);
}

class Watcher {
 public:
  Watcher(const Machine& machine, std::chrono::seconds patience, const WatchEvents& events,
          TreeWatch watch, GuestRefresher guest, Interruption interruption)
      : machine_(machine),
        patience_(patience),
        events_(events),
        watch_(std::move(watch)),
        guest_(std::move(guest)),
        interruption_(std::move(interruption)) {}

  Outcome<void> run();

 private:
  // The signal, or a closed connection, ends a pause early.
  void pause(milliseconds length);
  Outcome<void> push();
  Outcome<bool> has_ended(const Failure& why);

  const Machine& machine_;
  std::chrono::seconds patience_;
  const WatchEvents& events_;
  TreeWatch watch_;
  GuestRefresher guest_;
  Interruption interruption_;
  HostChanges changes_;
  bool is_everything_ = false;
};

void Watcher::pause(milliseconds length) {
  const bool waits_for_changes = length == milliseconds::max();
  pollfd fds[] = {{.fd = interruption_.fd(), .events = POLLIN, .revents = 0},
                  {.fd = guest_.fd(), .events = POLLIN, .revents = 0},
                  {.fd = waits_for_changes ? watch_.fd() : -1, .events = POLLIN, .revents = 0}};
  ::poll(fds, 3, waits_for_changes ? -1 : static_cast<int>(length.count()));
}

Outcome<void> Watcher::run() {
  while (!interruption_.taken()) {
    pause(milliseconds::max());
    bool is_complete = TRY(watch_.read(changes_));
    if (is_complete && !changes_.empty()) {
      pause(kGathering);
      is_complete = TRY(watch_.read(changes_));
    }
    is_everything_ = is_everything_ || !is_complete || changes_.size() > kMostPaths;
    const Outcome<void> pushed = changes_.empty() && !is_everything_ ? guest_.look() : push();
    if (!pushed) {
      const bool is_over = TRY(has_ended(pushed.error()));
      if (is_over) {
        return {};
      }
    }
  }
  return {};
}

Outcome<void> Watcher::push() {
  RefreshReport report;
  if (is_everything_) {
    report = TRY(refresh_everything(guest_));
  } else {
    std::vector<RefreshTask> tasks = tasks_for(machine_.root, changes_, false);
    tasks.push_back({.kind = RefreshTask::Kind::settle});
    report = TRY(carry_out(guest_, std::move(tasks), {}));
  }
  changes_.clear();
  is_everything_ = false;
  events_.refreshed(report);
  return {};
}

// A guest that was rebooted has nothing cached that could be wrong.
Outcome<bool> Watcher::has_ended(const Failure& why) {
  constexpr std::chrono::seconds kTry{1};
  changes_.clear();
  is_everything_ = false;
  log::info("waiting for the guest: {}", why.what());
  const auto deadline = std::chrono::steady_clock::now() + patience_;
  while (is_running(machine_) && !interruption_.taken()) {
    Outcome<GuestRefresher> again =
        GuestRefresher::open(RuntimePaths::of(machine_).control_socket(), kTry, patience_);
    if (again) {
      guest_ = std::move(*again);
      return false;
    }
    if (std::chrono::steady_clock::now() >= deadline) {
      return std::unexpected(again.error());
    }
  }
  return true;
}

}  // namespace

Outcome<RefreshReport> refresh(const Machine& machine, const std::vector<std::string>& paths,
                               std::chrono::seconds patience) {
  HostChanges changes;
  bool is_few = !paths.empty();
  const std::vector<std::string> resolved = TRY(resolve_all(machine, paths));
  for (const std::string& path : resolved) {
    is_few = is_few && add_tree(machine.root, path, kMostPaths, changes);
  }
  GuestRefresher guest = TRY(open_guest(machine, patience));
  if (!is_few) {
    return refresh_everything(guest);
  }
  std::vector<RefreshTask> tasks = tasks_for(machine.root, changes, true);
  tasks.push_back({.kind = RefreshTask::Kind::names});
  return carry_out(guest, std::move(tasks), {});
}

Outcome<void> watch(const Machine& machine, const std::vector<std::string>& paths,
                    std::chrono::seconds patience, const WatchEvents& events) {
  Interruption interruption = TRY(Interruption::watch());
  const std::vector<std::string> resolved = TRY(resolve_all(machine, paths));
  TreeWatch tree = TRY(TreeWatch::open(machine.root, resolved));
  GuestRefresher guest = TRY(open_guest(machine, patience));
  events.started(tree.directories());
  Watcher watcher(machine, patience, events, std::move(tree), std::move(guest),
                  std::move(interruption));
  return watcher.run();
}

}  // namespace nineroot::vm
