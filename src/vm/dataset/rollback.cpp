#include "vm/dataset/rollback.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "storage/descriptor.h"
#include "storage/directory_names.h"
#include "vm/dataset/kept_times.h"
#include "vm/dataset/pending_change.h"
#include "vm/dataset/still_tree.h"
#include "vm/dataset/take_snapshot.h"
#include "vm/timestamp.h"

namespace nineroot::vm {
namespace {

namespace fs = std::filesystem;

constexpr const char* kCause = "rollback";

bool has(const std::vector<std::string>& paths, const std::string& path) {
  return std::ranges::find(paths, path) != paths.end();
}

/// One rollback while it is planned: what is restored is prepared in work/, and the journal's steps
/// are found.  Host paths in work/ are those of the trees that are made there: a data set that is
/// restored inside another is put into that one's tree at once.
class Plan {
 public:
  Plan(StorageUse& use, Snapshot snapshot) : use_(use), snapshot_(std::move(snapshot)) {}

  Outcome<void> choose(const std::vector<std::string>& wanted);
  Outcome<void> check() const;
  Outcome<void> prepare(Progress& progress);

  [[nodiscard]] const std::vector<std::string>& restored() const { return restored_; }
  [[nodiscard]] const std::vector<std::string>& kept() const { return kept_; }
  [[nodiscard]] const Snapshot& snapshot() const { return snapshot_; }
  [[nodiscard]] PendingChange change() const;

 private:
  [[nodiscard]] bool is_restored(const std::string& path) const { return has(restored_, path); }
  /// The restored data set that has `path` in it after the rollback; null if none.
  [[nodiscard]] const DataSet* restored_around(const std::string& path) const;
  Outcome<void> prepare_one(const DataSet& set, int work, Progress& progress);
  Outcome<void> place_nested(const DataSet& set, int work);
  Outcome<void> plan_exchange(const DataSet& set, int work);
  Outcome<void> plan_move(const DataSet& set);
  [[nodiscard]] fs::path work_path() const;
  [[nodiscard]] fs::path live_path(const std::string& path) const;
  [[nodiscard]] fs::path prepared_path(const std::string& path) const;

  StorageUse& use_;
  Snapshot snapshot_;
  std::vector<std::string> restored_;
  std::vector<std::string> kept_;
  Catalogue after_;
  std::vector<ChangeStep> moves_;
  std::vector<ChangeStep> exchanges_;
};

Outcome<void> Plan::choose(const std::vector<std::string>& wanted) {
  for (const std::string& text : wanted) {
    const std::string path = TRY(data_set_path(text));
    if (snapshot_.sets.find(path) == nullptr) {
      return std::unexpected(
          Failure(fmt::format("the snapshot {} has no data set {}", snapshot_.name, path))
              .with_hint("`nineroot snapshots --json` shows what it has"));
    }
    restored_.push_back(path);
  }
  const bool is_whole = wanted.empty() && snapshot_.left_out.empty();
  if (wanted.empty()) {
    for (const DataSet& set : snapshot_.sets.sets) {
      restored_.push_back(set.path);
    }
  }
  for (const DataSet& set : snapshot_.sets.sets) {
    if (is_restored(set.path)) {
      after_.sets.push_back(set);
    }
  }
  for (const DataSet& set : use_.catalogue().sets) {
    // What came to be after the snapshot of a whole machine goes with it.
    if (!is_restored(set.path) && !is_whole) {
      after_.sets.push_back(set);
      kept_.push_back(set.path);
    }
  }
  std::ranges::sort(after_.sets, {}, &DataSet::path);
  std::ranges::sort(restored_);
  return {};
}

Outcome<void> Plan::check() const {
  for (const std::string& path : restored_) {
    const DataSet* outer = after_.around(path);
    if (path != "/" && outer == nullptr) {
      return failure("the root of {} is not known", use_.machine().name);
    }
    if (use_.catalogue().find(path) == nullptr && (path == "/" || !is_restored(outer->path))) {
      return std::unexpected(
          Failure(fmt::format("{} is no data set any more", path))
              .with_hint(fmt::format("make it one again (nineroot dataset add), or roll {} back "
                                     "with it",
                                     outer == nullptr ? "/" : outer->path)));
    }
  }
  // Their places in the restored trees are empty: what was there is in copies of their own.
  for (const DataSet& set : snapshot_.sets.sets) {
    if (after_.find(set.path) == nullptr && restored_around(set.path) != nullptr) {
      return std::unexpected(
          Failure(fmt::format("{} was a data set of its own then, and is none now", set.path))
              .with_hint(fmt::format("roll it back too: --dataset {}", set.path)));
    }
  }
  for (const std::string& path : snapshot_.left_out) {
    if (after_.find(path) == nullptr && restored_around(path) != nullptr) {
      return std::unexpected(
          Failure(fmt::format("{} was a data set of its own then, is none now, and is not part of "
                              "the snapshot {}",
                              path, snapshot_.name))
              .with_hint(fmt::format("make it one again first: nineroot dataset add {} {}",
                                     use_.machine().name, path)));
    }
  }
  return {};
}

const DataSet* Plan::restored_around(const std::string& path) const {
  const DataSet* outer = after_.around(path);
  return outer != nullptr && is_restored(outer->path) ? outer : nullptr;
}

fs::path Plan::work_path() const {
  std::error_code error;
  return fs::canonical(use_.machine().directory, error) / "work";
}

fs::path Plan::live_path(const std::string& path) const {
  std::error_code error;
  const fs::path root = fs::canonical(use_.machine().root, error);
  return path == "/" ? root : root / path.substr(1);
}

/// Where the tree of a restored data set is made: below that of the one around it if that is
/// restored too.
fs::path Plan::prepared_path(const std::string& path) const {
  const DataSet* outer = restored_around(path);
  if (outer == nullptr) {
    return work_path() / copy_name(path);
  }
  const std::size_t skipped = outer->path == "/" ? 1 : outer->path.size() + 1;
  return prepared_path(outer->path) / path.substr(skipped);
}

Outcome<void> Plan::prepare(Progress& progress) {
  const UniqueFd work = TRY(use_.open_work());
  for (const DataSet& set : after_.sets) {
    if (is_restored(set.path)) {
      TRY(prepare_one(set, work.get(), progress));
    }
  }
  for (const DataSet& set : after_.sets) {
    if (!is_restored(set.path) && restored_around(set.path) != nullptr) {
      TRY(plan_move(set));
    }
  }
  return {};
}

Outcome<void> Plan::prepare_one(const DataSet& set, int work, Progress& progress) {
  const std::unique_ptr<storage::Driver> driver = StorageUse::driver_of(set);
  const UniqueFd copy = TRY(use_.snapshots().open_copy(snapshot_, set));
  progress.begin(fmt::format("restoring {} of {}", set.path, snapshot_.name));
  TRY(driver->clone({.source = copy.get(),
                     .source_name = set.path + " of " + snapshot_.name,
                     .left_out = {},
                     .parent = work,
                     .name = copy_name(set.path)},
                    [&progress](const storage::TreeCopyCounts& counts) -> Outcome<void> {
                      progress.update(counts.bytes, counts.entries);
                      return {};
                    }));
  progress.end();
  if (restored_around(set.path) != nullptr) {
    return place_nested(set, work);
  }
  return plan_exchange(set, work);
}

/// Renames what was made in work/ onto its empty place in the tree around it.
Outcome<void> Plan::place_nested(const DataSet& set, int work) {
  const fs::path place = prepared_path(set.path).lexically_relative(work_path());
  const UniqueFd parent =
      TRY(context(storage::open_directory_beneath(work, place.parent_path().string()),
                  fmt::format("{} has no place for {}", snapshot_.name, set.path)));
  const KeptTimes times(parent.get());
  if (::renameat2(work, copy_name(set.path).c_str(), parent.get(), place.filename().c_str(), 0) !=
      0) {
    return failure(Errno{errno}, "cannot put {} of the snapshot {} in its place", set.path,
                   snapshot_.name);
  }
  return {};
}

Outcome<void> Plan::plan_exchange(const DataSet& set, int work) {
  const UniqueFd made(
      ::openat(work, copy_name(set.path).c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!made.is_open()) {
    return failure(Errno{errno}, "cannot open what was made of {}", set.path);
  }
  [[maybe_unused]] const UniqueFd live = TRY(use_.open_live(set.path));  // It is there.
  ChangeStep step{.kind = ChangeStep::Kind::exchange,
                  .from = prepared_path(set.path).string(),
                  .to = live_path(set.path).string(),
                  .what = TRY(DirectoryIdentity::of(made.get()))};
  exchanges_.push_back(std::move(step));
  return {};
}

/// A data set that stays goes into the restored tree around it, where nothing else may be.
Outcome<void> Plan::plan_move(const DataSet& set) {
  const UniqueFd live = TRY(use_.open_live(set.path));
  const DataSet* outer = restored_around(set.path);
  const std::size_t skipped = outer->path == "/" ? 1 : outer->path.size() + 1;
  const fs::path place = prepared_path(outer->path) / set.path.substr(skipped);
  const Result<UniqueFd> there = storage::open_directory_straight(place.string());
  if (there) {
    const std::vector<std::string> names =
        TRY(context(storage::directory_names(there->get()), "cannot look at " + place.string()));
    if (!names.empty()) {
      return std::unexpected(
          Failure(fmt::format("{} has files in {} where the data set {} is now", snapshot_.name,
                              outer->path, set.path))
              .with_hint(fmt::format("remove the data set first (nineroot dataset remove), or roll "
                                     "back the data sets below {} only",
                                     outer->path)));
    }
  } else if (there.error() != Errno{ENOENT} ||
             !storage::open_directory_straight(place.parent_path().string())) {
    return std::unexpected(
        Failure(fmt::format("{} has no place for the data set {}", snapshot_.name, set.path))
            .with_hint("remove the data set first: nineroot dataset remove"));
  }
  ChangeStep step{.kind = ChangeStep::Kind::move,
                  .from = live_path(set.path).string(),
                  .to = place.string(),
                  .what = TRY(DirectoryIdentity::of(live.get()))};
  moves_.push_back(std::move(step));
  return {};
}

PendingChange Plan::change() const {
  PendingChange change{
      .operation = "rollback to " + snapshot_.name, .steps = moves_, .catalogue = after_};
  change.steps.insert(change.steps.end(), exchanges_.begin(), exchanges_.end());
  return change;
}

}  // namespace

Outcome<RollbackDone> roll_back(StorageUse& use, const RollbackRequest& request,
                                Progress& progress) {
  Snapshot snapshot = TRY(use.snapshots().find(request.snapshot));
  Plan plan(use, std::move(snapshot));
  TRY(plan.choose(request.data_sets));
  TRY(plan.check());
  RollbackDone done{.data_sets = plan.restored(), .kept = plan.kept(), .undo = {}};
  if (request.is_dry) {
    return done;
  }
  const StillTree still = TRY(StillTree::prepare(use.machine()));
  if (still.is_running()) {
    return std::unexpected(
        Failure(fmt::format("{} runs", use.machine().name))
            .with_hint(fmt::format("stop it first: nineroot stop {}", use.machine().name)));
  }
  TRY(plan.prepare(progress));
  const std::string now = now_text();
  Snapshot undo{.name = use.snapshots().free_name("before-rollback-" + name_from_time(now)),
                .created = now,
                .level = Level::off,
                .note = "before the rollback to " + plan.snapshot().name,
                .cause = kCause,
                .sets = use.catalogue()};
  undo = TRY(snapshot_still_tree(use, std::move(undo), progress));
  done.undo = undo.name;
  TRY(carry_out(use.machine(), use.directory(), plan.change()));
  return done;
}

Outcome<Snapshot> last_undo(const StorageUse& use) {
  const std::vector<Snapshot> all = TRY(use.snapshots().list());
  const auto found = std::ranges::find(all.rbegin(), all.rend(), kCause, &Snapshot::cause);
  if (found == all.rend()) {
    return failure("no rollback of {} has left a snapshot to go back to", use.machine().name);
  }
  return *found;
}

}  // namespace nineroot::vm
