// Whether two files hold the same bytes.
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

namespace nineroot::storage {

/// Opens the regular file behind `inode` (O_PATH) for reading, without touching its atime where
/// that is allowed.
Result<UniqueFd> open_content(int inode);

/// Compares the content of two regular files, open for reading; holes are zeros, and are skipped.
/// Files that share all their extents (a clone) are not read.  Exact as long as nobody writes.
Result<bool> is_same_content(int a, int b);

}  // namespace nineroot::storage
