// The long part of `create`: running what makes or reads the tree, and importing it, with progress
// and with an ear for signals.
#pragma once

#include <string>
#include <vector>

#include "base/failure.h"
#include "storage/import.h"
#include "vm/interruption.h"
#include "vm/progress.h"

namespace nineroot::vm {

/// Fills the empty directory `root` from `source`; `total_bytes` 0: not known.
Outcome<storage::Import::Done> fill_from(const storage::ImportSource& source,
                                         std::uint64_t total_bytes, int root,
                                         storage::Layout layout, Interruption& interruption,
                                         Progress& progress);

/// Fills `root` from the tar that the mmdebstrap `command` writes.
Outcome<storage::Import::Done> fill_from_debian(const std::vector<std::string>& command,
                                                const std::string& name, int root,
                                                storage::Layout layout, Interruption& interruption,
                                                Progress& progress);

}  // namespace nineroot::vm
