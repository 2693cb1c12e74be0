// The right to change a machine's data sets and snapshots: one process at a time has it.
#pragma once

#include <memory>
#include <string>

#include "base/failure.h"
#include "base/unique_fd.h"
#include "storage/dataset/driver.h"
#include "vm/dataset/catalogue.h"
#include "vm/dataset/snapshot.h"
#include "vm/machine.h"

namespace nineroot::vm {

/// A machine's storage, opened.  Bare trees have none.
class StorageUse {
 public:
  /// Takes the right (a flock of storage.lock, gone with the process), finishes what a process that
  /// died has left to be done (pending_change.h) and removes its garbage.  A Failure that names
  /// what is under way if another process has the right.
  static Outcome<StorageUse> begin(const Machine& machine);

  /// To look only: takes no right, changes nothing.
  static Outcome<StorageUse> look(const Machine& machine);

  [[nodiscard]] const Machine& machine() const { return machine_; }

  /// The machine's directory, opened for reading.
  [[nodiscard]] int directory() const { return directory_.get(); }

  [[nodiscard]] const Snapshots& snapshots() const { return snapshots_; }

  [[nodiscard]] const Catalogue& catalogue() const { return catalogue_; }

  /// Writes it first.
  Outcome<void> set_catalogue(Catalogue catalogue);

  /// The root of a data set in the live tree, opened for reading, reached by its names alone: no
  /// symlink is followed, and nothing outside the tree.
  Outcome<UniqueFd> open_live(const std::string& path) const;

  /// The directory that has the data set in it, and its name there.
  struct Slot {
    UniqueFd parent;
    std::string name;
  };

  Outcome<Slot> slot_of(const std::string& path) const;

  /// machines/NAME/work, made if need be: what changes prepare.
  Outcome<UniqueFd> open_work() const;

  /// Of one data set, as the catalogue has it.
  [[nodiscard]] static std::unique_ptr<storage::Driver> driver_of(const DataSet& set) {
    return storage::driver_by_name(set.driver);
  }

 private:
  StorageUse(Machine machine, UniqueFd directory, UniqueFd lock, Snapshots snapshots,
             Catalogue catalogue)
      : machine_(std::move(machine)),
        directory_(std::move(directory)),
        lock_(std::move(lock)),
        snapshots_(std::move(snapshots)),
        catalogue_(std::move(catalogue)) {}

  static Outcome<StorageUse> open(const Machine& machine, UniqueFd directory, UniqueFd lock);

  Machine machine_;
  UniqueFd directory_;
  UniqueFd lock_;
  Snapshots snapshots_;
  Catalogue catalogue_;
};

}  // namespace nineroot::vm
