// One set of files whose hashes are equal, and letting them share their data.
#pragma once

#include <span>

#include "base/failure.h"
#include "storage/dedup/deduplicate.h"
#include "storage/dedup/file_list.h"

namespace nineroot::storage {

/// Shares what is not yet shared among `files`, and counts it in `report`; a dry run only counts.
/// All are of one sharing_domain(), size and hash.  The source is one of a source-only tree if
/// there is any, else one of those that share with most others already.  A Failure where the file
/// system cannot share data at all.
Outcome<void> share_equal_files(FileList& list, std::span<ListedFile* const> files, bool is_dry_run,
                                DedupReport& report);

}  // namespace nineroot::storage
