// `nineroot snapshot`: all data sets of a machine at one point of its guest's requests.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/failure.h"
#include "vm/dataset/snapshot.h"
#include "vm/dataset/still_tree.h"
#include "vm/dataset/storage_use.h"
#include "vm/progress.h"

namespace nineroot::vm {

struct SnapshotRequest {
  std::string name;                    ///< Empty: the time.
  std::vector<std::string> data_sets;  ///< Paths; empty: all.
  std::optional<Level> required;       ///< Fail rather than reach less.
  std::string note{};
  std::string keep_until{};
  std::string cause = "user";
};

struct SnapshotTaken {
  Snapshot snapshot;
  std::chrono::microseconds pause{};  ///< How long the guest's requests waited.
  /// Why the level is less than it could be; empty if it is not.
  std::string degraded;
};

/// On failure nothing of it stays.
Outcome<SnapshotTaken> take_snapshot(StorageUse& use, const SnapshotRequest& request,
                                     Progress& progress);

/// The same of a tree that stands still, as part of a larger change.
Outcome<Snapshot> snapshot_still_tree(StorageUse& use, Snapshot record, Progress& progress);

}  // namespace nineroot::vm
