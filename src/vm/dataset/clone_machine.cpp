#include "vm/dataset/clone_machine.h"

#include <fcntl.h>
#include <unistd.h>

#include <optional>
#include <utility>

#include "storage/descriptor.h"
#include "storage/guest_tree.h"
#include "vm/dataset/durable_file.h"
#include "vm/dataset/kept_times.h"
#include "vm/dataset/new_identity.h"
#include "vm/dataset/still_tree.h"
#include "vm/dataset/storage_use.h"
#include "vm/dataset/take_snapshot.h"
#include "vm/interruption.h"
#include "vm/staging.h"
#include "vm/timestamp.h"

namespace nineroot::vm {
namespace {

/// Taken for the clone alone.
constexpr const char* kTemporary = "cloning";

/// Where the data sets' content comes from.
class Source {
 public:
  Source(StorageUse& use, Progress& progress) : use_(use), progress_(progress) {}

  ~Source() {
    if (is_temporary_) {
      [[maybe_unused]] const auto removed = use_.snapshots().remove(*snapshot_);
    }
  }

  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  Outcome<void> choose(const std::string& snapshot) {
    if (!snapshot.empty()) {
      snapshot_ = TRY(use_.snapshots().find(snapshot));
      return {};
    }
    StillTree still = TRY(StillTree::prepare(use_.machine()));
    still_.emplace(std::move(still));
    if (still_->is_running()) {
      const SnapshotTaken taken =
          TRY(take_snapshot(use_,
                            {.name = kTemporary + std::string("-") + name_from_time(now_text()),
                             .data_sets = {},
                             .required = {},
                             .cause = "clone"},
                            progress_));
      snapshot_ = taken.snapshot;
      is_temporary_ = true;
    }
    return {};
  }

  [[nodiscard]] const Catalogue& sets() const {
    return snapshot_ ? snapshot_->sets : use_.catalogue();
  }

  [[nodiscard]] Outcome<UniqueFd> open(const DataSet& set) const {
    return snapshot_ ? use_.snapshots().open_copy(*snapshot_, set) : use_.open_live(set.path);
  }

  [[nodiscard]] std::string text() const {
    return "clone of " + use_.machine().name +
           (snapshot_ && !is_temporary_ ? "@" + snapshot_->name : "");
  }

 private:
  StorageUse& use_;
  Progress& progress_;
  std::optional<StillTree> still_;
  std::optional<Snapshot> snapshot_;
  bool is_temporary_ = false;
};

/// Renames what was made in `staging` onto its empty place in the tree `root` there.
Outcome<void> put_in_place(int staging, const std::string& name, const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const UniqueFd parent =
      TRY(context(storage::open_directory_beneath(staging, "root" + path.substr(0, slash)),
                  "the clone has no place for " + path));
  const KeptTimes times(parent.get());
  if (::renameat2(staging, name.c_str(), parent.get(), path.substr(slash + 1).c_str(), 0) != 0) {
    return failure(Errno{errno}, "cannot put {} in its place in the clone", path);
  }
  return {};
}

/// Makes the data sets in the staging directory, each in its place in the one around it.
Outcome<void> fill(const Staging& staging, const Source& source, Progress& progress) {
  const UniqueFd live(::openat(staging.fd(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (const DataSet& set : source.sets().sets) {
    const std::unique_ptr<storage::Driver> driver = StorageUse::driver_of(set);
    const UniqueFd from = TRY(source.open(set));
    const std::string name = set.path == "/" ? "root" : copy_name(set.path);
    progress.begin("cloning " + set.path);
    TRY(driver->clone({.source = from.get(),
                       .source_name = set.path,
                       .left_out = source.sets().nested_in(set.path),
                       .parent = live.get(),
                       .name = name},
                      [&progress](const storage::TreeCopyCounts& counts) -> Outcome<void> {
                        progress.update(counts.bytes, counts.entries);
                        return {};
                      }));
    if (set.path != "/") {
      TRY(put_in_place(live.get(), name, set.path));
    }
  }
  return {};
}

Outcome<void> check_source(const Catalogue& sets) {
  if (sets.find("/") == nullptr) {
    return std::unexpected(Failure("a snapshot without the root cannot become a machine")
                               .with_hint("take one of the whole machine: nineroot snapshot NAME"));
  }
  return {};
}

}  // namespace

Outcome<Machine> clone_machine(const Machine& machine, const CloneRequest& request,
                               Progress& progress, std::vector<std::string>& notes) {
  TRY(check_machine_name(request.name));
  const std::filesystem::path home = TRY(home_directory());
  StorageUse use = TRY(StorageUse::begin(machine));
  Interruption interruption = TRY(Interruption::watch());
  Staging staging = TRY(Staging::make(home, request.name));
  Source source(use, progress);
  TRY(source.choose(request.snapshot));
  TRY(check_source(source.sets()));
  TRY(fill(staging, source, progress));
  TRY(interruption.check());
  Settings settings = machine.settings;
  settings.source = source.text();
  settings.created = now_text();
  if (!request.keeps_identity) {
    const auto tree = TRY(storage::GuestTree::open(staging.path() / "root", std::nullopt));
    TRY(give_new_identity(tree, request.name, notes));
  }
  TRY(write_catalogue(staging.fd(), source.sets()));
  TRY(write_durably(staging.fd(), "machine.toml", settings.to_toml()));
  progress.begin("putting it on the disk");
  TRY(staging.publish());
  progress.end();
  return find_machine(request.name);
}

}  // namespace nineroot::vm
