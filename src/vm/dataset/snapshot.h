// A snapshot of a machine: what it is, and where its copies are.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/failure.h"
#include "base/unique_fd.h"
#include "vm/dataset/catalogue.h"

namespace nineroot::vm {

/// What a snapshot of a running machine holds of what its guest had done; each level has the one
/// before it.
enum class Level : std::uint8_t {
  crash,   ///< All requests that were answered before one instant, over all data sets.
  synced,  ///< And all that the guest had written before it was asked to sync.
  app,     ///< And what the guest's hooks see to: databases at rest.
  off,     ///< No guest ran: all that it had written when it ended, however it ended.
};

[[nodiscard]] std::string_view name_of(Level level);
[[nodiscard]] std::optional<Level> level_of(std::string_view name);

struct Snapshot {
  std::string name;
  std::string created{};  ///< RFC 3339, UTC.
  Level level = Level::crash;
  std::string note{};
  std::string keep_until{};  ///< RFC 3339, UTC; empty: until it is removed or pruned.
  bool is_held = false;      ///< Neither removed nor pruned until released.
  std::string cause{};       ///< "user", "rollback", "schedule", "apt".
  Catalogue sets{};          ///< The data sets that it has, as they were.
  /// Paths of those that the machine had besides: in their places the copies have empty
  /// directories.
  std::vector<std::string> left_out{};
};

[[nodiscard]] nlohmann::json to_json(const Snapshot& snapshot);

/// "2026-11-28_02-17-37": a name for what was asked for without one.
[[nodiscard]] std::string name_from_time(const std::string& rfc3339);

/// The snapshots of one machine, in the directory `snapshots` of its own.  Reading takes no lock;
/// whoever changes them holds StorageUse.
class Snapshots {
 public:
  /// `machine` is the machine's directory, opened for reading; made 0700 if it is not there.
  static Outcome<Snapshots> open(int machine);

  /// By time.  What is half-made or half-removed is not among them; what cannot be read is told of
  /// in the log.
  [[nodiscard]] Outcome<std::vector<Snapshot>> list() const;

  /// A Failure that names those there are if it is not one of them.
  [[nodiscard]] Outcome<Snapshot> find(const std::string& name) const;

  [[nodiscard]] bool has(const std::string& name) const;

  /// `base`, or with "-2", "-3" ... behind it where that is taken.
  [[nodiscard]] std::string free_name(const std::string& base) const;

  /// A directory for a snapshot to be made in; what a former try has left there is removed.
  Outcome<UniqueFd> begin(const std::string& name) const;

  /// Gives what was begun its record and its name: from here on it is a snapshot.
  Outcome<void> publish(const Snapshot& snapshot) const;

  /// Writes the record anew.
  Outcome<void> update(const Snapshot& snapshot) const;

  /// Takes it out of the list in one step, then removes the copies.
  Outcome<void> remove(const Snapshot& snapshot) const;

  /// The copy of one data set, opened for reading.
  Outcome<UniqueFd> open_copy(const Snapshot& snapshot, const DataSet& set) const;

  /// Removes what those who died have left.  Only under StorageUse.
  Outcome<void> sweep() const;

 private:
  explicit Snapshots(UniqueFd directory) : directory_(std::move(directory)) {}

  Outcome<std::optional<Snapshot>> read(const std::string& name) const;
  Outcome<void> remove_copies(const std::string& name) const;

  UniqueFd directory_;
};

}  // namespace nineroot::vm
