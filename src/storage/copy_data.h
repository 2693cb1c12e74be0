// The content of one file into another.
#pragma once

#include <sys/types.h>

#include "base/result.h"

namespace nineroot::storage {

/// `from` is open for reading, `to` an empty file open for writing, `size` that of `from`.  Shares
/// the blocks where the file system can (FICLONE), else copies inside the kernel; holes stay holes.
Result<void> copy_data(int from, int to, off_t size);

}  // namespace nineroot::storage
