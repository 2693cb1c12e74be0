// `nineroot dataset`: directories of a machine made data sets, and back.
#pragma once

#include <string>

#include "base/failure.h"
#include "vm/dataset/storage_use.h"
#include "vm/progress.h"

namespace nineroot::vm {

/// Makes the directory `path` of the guest's a data set of its own, with all that is in it; one
/// that is not there is made, root's.  Where data sets are subvolumes the guest must not run.
Outcome<DataSet> add_data_set(StorageUse& use, const std::string& path, Progress& progress);

/// Makes the data set an ordinary directory again; nothing in it is lost.  The guest must not run
/// where data sets are subvolumes.
Outcome<void> remove_data_set(StorageUse& use, const std::string& path, Progress& progress);

}  // namespace nineroot::vm
