#include "vm/dataset/change_data_sets.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "storage/dataset/tree_copy.h"
#include "storage/guest_tree.h"
#include "vm/dataset/kept_times.h"
#include "vm/dataset/pending_change.h"
#include "vm/dataset/still_tree.h"

namespace nineroot::vm {
namespace {

namespace fs = std::filesystem;

/// Beside the directory that it is about to replace; no guest has it, and none sees it.
constexpr const char* kStandIn = ".nineroot-new";

/// A directory and what is to be there instead: another kind of directory with the same in it.
struct Replacement {
  std::string path;
  Catalogue after;
};

Outcome<void> check_is_stopped(const StillTree& still, const Machine& machine) {
  if (!still.is_running()) {
    return {};
  }
  return std::unexpected(
      Failure(fmt::format("{} runs", machine.name))
          .with_hint(fmt::format("stop it first: nineroot stop {}", machine.name)));
}

fs::path live_path(const Machine& machine, const std::string& path) {
  std::error_code error;
  return fs::canonical(machine.root, error) / path.substr(1);
}

ChangeStep step_of(ChangeStep::Kind kind, const fs::path& from, const fs::path& to,
                   const DirectoryIdentity& what) {
  return {.kind = kind, .from = from.string(), .to = to.string(), .what = what};
}

/// Copies what is in the directory into `stand_in`, which was made beside it by `make`, and lets
/// the two change places.  Data sets that are nested in it are moved.
Outcome<void> replace(StorageUse& use, const Replacement& what, const storage::Driver& maker,
                      Progress& progress) {
  const Machine& machine = use.machine();
  const StorageUse::Slot slot = TRY(use.slot_of(what.path));
  const UniqueFd live = TRY(use.open_live(what.path));
  const fs::path place = live_path(machine, what.path);
  const fs::path stand_in = place.parent_path() / kStandIn;
  TRY(maker.remove(slot.parent.get(), kStandIn));  // Of a try that was interrupted.
  const KeptTimes times(slot.parent.get());
  TRY(maker.create(slot.parent.get(), kStandIn));
  const UniqueFd made(
      ::openat(slot.parent.get(), kStandIn, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!made.is_open()) {
    return failure(Errno{errno}, "cannot open {}", stand_in.string());
  }
  progress.begin("copying " + what.path);
  const std::set<std::string> nested = use.catalogue().nested_in(what.path);
  Outcome<storage::TreeCopyCounts> copied = storage::copy_tree(
      {.root = live.get(), .name = what.path, .left_out = nested, .has_origins = false}, made.get(),
      [&progress](const storage::TreeCopyCounts& counts) -> Outcome<void> {
        progress.update(counts.bytes, counts.entries);
        return {};
      });
  if (copied && copied->unstable != 0) {
    copied = failure("something on the host changes {} meanwhile", place.string());
  }
  if (!copied) {
    [[maybe_unused]] const auto removed = maker.remove(slot.parent.get(), kStandIn);
    return std::unexpected(std::move(copied.error()));
  }
  progress.end();
  PendingChange change{
      .operation = "change of the data set " + what.path, .steps = {}, .catalogue = what.after};
  for (const std::string& one : nested) {
    // Those within other nested ones go with them.
    const std::string path = what.path == "/" ? "/" + one : what.path + "/" + one;
    if (use.catalogue().around(path)->path != what.path) {
      continue;
    }
    const UniqueFd directory = TRY(use.open_live(path));
    change.steps.push_back(step_of(ChangeStep::Kind::move, place / one, stand_in / one,
                                   TRY(DirectoryIdentity::of(directory.get()))));
  }
  const DirectoryIdentity new_one = TRY(DirectoryIdentity::of(made.get()));
  const DirectoryIdentity old_one = TRY(DirectoryIdentity::of(live.get()));
  change.steps.push_back(step_of(ChangeStep::Kind::exchange, stand_in, place, new_one));
  change.steps.push_back(step_of(ChangeStep::Kind::remove, stand_in, "", old_one));
  return carry_out(machine, use.directory(), change);
}

/// As the guest's root would have made it.
Outcome<void> make_directory(const StorageUse& use, const std::string& path) {
  const auto tree = TRY(storage::GuestTree::open(use.machine().root, std::nullopt));
  const auto there = tree.stat_no_follow(path);
  if (there && there->is_directory()) {
    return {};
  }
  if (there) {
    return std::unexpected(Failure(fmt::format("{} is no directory", path))
                               .with_hint("a data set is a directory; a symlink is none"));
  }
  return context(tree.make_directories(path), "cannot make " + path);
}

}  // namespace

Outcome<DataSet> add_data_set(StorageUse& use, const std::string& text, Progress& progress) {
  const std::string path = TRY(data_set_path(text));
  if (use.catalogue().find(path) != nullptr) {
    return failure("{} is a data set already", path);
  }
  const DataSet& outer = *use.catalogue().around(path);
  const std::unique_ptr<storage::Driver> driver = StorageUse::driver_of(outer);
  const StillTree still = TRY(StillTree::prepare(use.machine()));
  if (driver->is_instant()) {
    TRY(check_is_stopped(still, use.machine()));
  }
  TRY(make_directory(use, path));
  [[maybe_unused]] const UniqueFd live = TRY(use.open_live(path));
  DataSet added{.path = path, .driver = outer.driver};
  Catalogue after = use.catalogue();
  after.sets.push_back(added);
  std::ranges::sort(after.sets, {}, &DataSet::path);
  if (!driver->is_instant()) {
    TRY(use.set_catalogue(std::move(after)));
    return added;
  }
  TRY(replace(use, {.path = path, .after = after}, *driver, progress));
  TRY(use.set_catalogue(std::move(after)));
  return added;
}

Outcome<void> remove_data_set(StorageUse& use, const std::string& text, Progress& progress) {
  const std::string path = TRY(data_set_path(text));
  const DataSet* set = use.catalogue().find(path);
  if (set == nullptr || path == "/") {
    return std::unexpected(Failure(path == "/"
                                       ? "the root is a data set as long as the machine is there"
                                       : fmt::format("{} is no data set", path))
                               .with_hint("`nineroot dataset list` shows them"));
  }
  const bool is_instant = StorageUse::driver_of(*set)->is_instant();
  const StillTree still = TRY(StillTree::prepare(use.machine()));
  if (is_instant) {
    TRY(check_is_stopped(still, use.machine()));
  }
  Catalogue after = use.catalogue();
  std::erase_if(after.sets, [&path](const DataSet& one) { return one.path == path; });
  if (is_instant) {
    TRY(replace(use, {.path = path, .after = after}, *storage::driver_by_name("copy"), progress));
  }
  return use.set_catalogue(std::move(after));
}

}  // namespace nineroot::vm
