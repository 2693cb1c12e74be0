// `nineroot rollback`: data sets taken back to a snapshot, by an exchange of directories.
#pragma once

#include <string>
#include <vector>

#include "base/failure.h"
#include "vm/dataset/snapshot.h"
#include "vm/dataset/storage_use.h"
#include "vm/progress.h"

namespace nineroot::vm {

struct RollbackRequest {
  std::string snapshot;
  std::vector<std::string> data_sets;  ///< Paths; empty: all that the snapshot has.
  bool is_dry = false;                 ///< Check and plan only.
};

struct RollbackDone {
  std::vector<std::string> data_sets;  ///< What is as in the snapshot now.
  std::vector<std::string> kept;       ///< What stayed as it is.
  std::string undo;                    ///< The snapshot of the state before; empty if dry.
};

/// The guest must not run.  With a snapshot of a whole machine and no data sets named, the machine
/// has the data sets again that it had; with some named, all others stay, where they are.  What
/// was there before is a snapshot afterwards.  A Failure changes nothing, unless it says that it is
/// not finished: then the next command goes on.
Outcome<RollbackDone> roll_back(StorageUse& use, const RollbackRequest& request,
                                Progress& progress);

/// The snapshot that the last rollback left; a Failure if there is none.
Outcome<Snapshot> last_undo(const StorageUse& use);

}  // namespace nineroot::vm
