// How the data sets of one file system are made, snapshotted, cloned and removed.  A data set is a
// directory whose content is kept apart from that of the directories around it; docs/rollback.md.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "base/failure.h"
#include "storage/dataset/tree_copy.h"

namespace nineroot::storage {

/// Called now and then by what takes long; a Failure of it ends that.
using OnCopied = std::function<Outcome<void>(const TreeCopyCounts&)>;

/// One snapshot to be made of one data set, or one clone.
struct SnapshotTask {
  int source = -1;                 ///< The data set's root, opened for reading; borrowed.
  std::string source_name;         ///< For messages.
  std::set<std::string> left_out;  ///< Nested data sets, "log" or "a/b", relative to it.
  int parent = -1;                 ///< Where it is made, opened for reading; borrowed.
  std::string name;                ///< Its name there.
};

/// No state; any thread.
class Driver {
 public:
  virtual ~Driver() = default;
  Driver() = default;
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;

  /// "btrfs", "reflink" or "copy", as the catalogue has it.
  [[nodiscard]] virtual std::string_view name() const = 0;

  /// Whether snapshots and clones take the same time whatever their size.
  [[nodiscard]] virtual bool is_instant() const = 0;

  /// An empty data set of the host mode 0700.
  virtual Outcome<void> create(int parent, const std::string& name) const = 0;

  /// What can be done while the data set is still being changed.
  virtual Outcome<void> prepare(const SnapshotTask& task, const OnCopied& on_copied) const = 0;

  /// Makes the snapshot, or makes it true after prepare(): what the data set is now, if nothing
  /// changes it meanwhile.
  virtual Outcome<void> take(const SnapshotTask& task, const OnCopied& on_copied) const = 0;

  /// A data set with what the task's source holds, a snapshot or a data set that stands still.
  virtual Outcome<void> clone(const SnapshotTask& task, const OnCopied& on_copied) const = 0;

  /// Removes a data set, a snapshot or a clone, whole or half-made.  Fine if it is not there.
  virtual Outcome<void> remove(int parent, const std::string& name) const = 0;
};

/// The driver by its name; null if there is none.
[[nodiscard]] std::unique_ptr<Driver> driver_by_name(std::string_view name);

/// The one for what `directory` is now: "btrfs" for the root of a subvolume, else as the file
/// system can.  `path` names it for messages; the file system is tried in it.
Outcome<std::unique_ptr<Driver>> driver_of(int directory, const std::string& path);

}  // namespace nineroot::storage
