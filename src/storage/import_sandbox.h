// The walls around the process that reads an archive: no network, no programs, no other files.
#pragma once

#include "base/failure.h"

namespace nineroot::storage {

/// From now on this process can open and make files only below the directory `writable`, read
/// below `readable` (-1: nowhere), and make only the system calls of a file copier.  Landlock is
/// left out on kernels without it; the filter never is.
Outcome<void> enter_import_sandbox(int writable, int readable);

}  // namespace nineroot::storage
