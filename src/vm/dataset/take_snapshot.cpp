#include "vm/dataset/take_snapshot.h"

#include <algorithm>

#include "vm/dataset/guest_sync.h"
#include "vm/timestamp.h"

namespace nineroot::vm {
namespace {

using std::chrono::milliseconds;

/// Longer, and programs in the guest would notice; a disk that needs longer is in trouble.
constexpr milliseconds kPatience{2000};

/// One data set, opened, and what to do with it.
struct Job {
  std::unique_ptr<storage::Driver> driver;
  UniqueFd live;
  storage::SnapshotTask task;
};

Outcome<std::vector<Job>> plan(const StorageUse& use, const Catalogue& sets, int parent) {
  std::vector<Job> jobs;
  for (const DataSet& set : sets.sets) {
    Job job{.driver = StorageUse::driver_of(set), .live = {}, .task = {}};
    job.live = TRY(use.open_live(set.path));
    job.task = {.source = job.live.get(),
                .source_name = fmt::format("{} of {}", set.path, use.machine().name),
                .left_out = use.catalogue().nested_in(set.path),
                .parent = parent,
                .name = copy_name(set.path)};
    jobs.push_back(std::move(job));
  }
  return jobs;
}

storage::OnCopied show(Progress& progress) {
  return [&progress](const storage::TreeCopyCounts& counts) -> Outcome<void> {
    progress.update(counts.bytes, counts.entries);
    return {};
  };
}

Outcome<void> prepare(const std::vector<Job>& jobs, Progress& progress) {
  for (const Job& job : jobs) {
    if (!job.driver->is_instant()) {
      progress.begin("copying " + job.task.source_name);
    }
    TRY(job.driver->prepare(job.task, show(progress)));
  }
  return {};
}

Outcome<void> take(const std::vector<Job>& jobs) {
  for (const Job& job : jobs) {
    TRY(job.driver->take(job.task, {}));
  }
  return {};
}

Outcome<Catalogue> chosen(const Catalogue& all, const std::vector<std::string>& paths) {
  if (paths.empty()) {
    return all;
  }
  Catalogue result;
  for (const std::string& text : paths) {
    const std::string path = TRY(data_set_path(text));
    const DataSet* set = all.find(path);
    if (set == nullptr) {
      return std::unexpected(Failure(fmt::format("{} is no data set", path))
                                 .with_hint("`nineroot dataset list` shows them"));
    }
    if (result.find(path) == nullptr) {
      result.sets.push_back(*set);
    }
  }
  std::ranges::sort(result.sets, {}, &DataSet::path);
  return result;
}

/// Asks the guests; the least that all of them reached.
Level reach(const StillTree& tree, Level wanted, std::string& degraded) {
  Level level = wanted;
  for (const Machine& run : tree.runs()) {
    const GuestSync reached = sync_guest(run, wanted);
    if (reached.level < level) {
      level = reached.level;
    }
    if (!reached.trouble.empty()) {
      degraded = reached.trouble;
    }
  }
  return level;
}

Outcome<std::string> check_name(const StorageUse& use, const std::string& wanted,
                                const std::string& time) {
  if (wanted.empty()) {
    return use.snapshots().free_name(name_from_time(time));
  }
  TRY(check_machine_name(wanted));
  if (use.snapshots().has(wanted)) {
    return std::unexpected(
        Failure(fmt::format("{} has a snapshot '{}' already", use.machine().name, wanted))
            .with_hint("give another name, or remove that one"));
  }
  return wanted;
}

}  // namespace

Outcome<Snapshot> snapshot_still_tree(StorageUse& use, Snapshot record, Progress& progress) {
  const UniqueFd parent = TRY(use.snapshots().begin(record.name));
  const std::vector<Job> jobs = TRY(plan(use, record.sets, parent.get()));
  TRY(prepare(jobs, progress));
  TRY(take(jobs));
  TRY(use.snapshots().publish(record));
  return record;
}

Outcome<SnapshotTaken> take_snapshot(StorageUse& use, const SnapshotRequest& request,
                                     Progress& progress) {
  SnapshotTaken taken;
  Snapshot& snapshot = taken.snapshot;
  snapshot.created = now_text();
  snapshot.name = TRY(check_name(use, request.name, snapshot.created));
  snapshot.note = request.note;
  snapshot.keep_until = request.keep_until;
  snapshot.cause = request.cause;
  snapshot.sets = TRY(chosen(use.catalogue(), request.data_sets));
  for (const DataSet& set : use.catalogue().sets) {
    if (snapshot.sets.find(set.path) == nullptr) {
      snapshot.left_out.push_back(set.path);
    }
  }
  StillTree tree = TRY(StillTree::prepare(use.machine()));
  const UniqueFd parent = TRY(use.snapshots().begin(snapshot.name));
  const auto undo = [&](Failure why) -> std::unexpected<Failure> {
    [[maybe_unused]] const auto swept = use.snapshots().sweep();
    return std::unexpected(std::move(why));
  };
  const std::vector<Job> jobs = TRY(plan(use, snapshot.sets, parent.get()));
  if (Outcome<void> prepared = prepare(jobs, progress); !prepared) {
    return undo(std::move(prepared.error()));
  }
  snapshot.level = Level::off;
  if (tree.is_running()) {
    progress.begin("asking the guest to sync");
    const Level wanted = request.required.value_or(Level::app);
    snapshot.level = reach(tree, wanted == Level::off ? Level::app : wanted, taken.degraded);
    // A guest without hooks is as well off as it can be.
    if (!request.required && snapshot.level >= Level::synced) {
      taken.degraded.clear();
    }
  }
  if (request.required && snapshot.level < *request.required) {
    thaw_guests(tree.runs());
    return undo(
        Failure(fmt::format("the snapshot would be of level {} only", name_of(snapshot.level)))
            .within(fmt::format("no snapshot of {} was taken", use.machine().name))
            .with_hint(taken.degraded));
  }
  progress.begin("snapshot");
  Outcome<void> done = tree.stop(kPatience);
  if (done) {
    done = take(jobs);
    Outcome<void> opened = tree.go_on();
    done = done ? std::move(opened) : std::move(done);
  }
  thaw_guests(tree.runs());
  if (!done) {
    return undo(std::move(done.error()));
  }
  taken.pause = tree.pause();
  if (Outcome<void> published = use.snapshots().publish(snapshot); !published) {
    return undo(std::move(published.error()));
  }
  progress.end();
  return taken;
}

}  // namespace nineroot::vm
