// One inode of the host made like another, in all that the host keeps of it but its content.
#pragma once

#include <sys/stat.h>

#include "base/result.h"

namespace nineroot::storage {

/// Gives `to` the extended attributes of `from`, and takes others away; all but kOriginXattr, and
/// labels of the host's security policy, which are not ours to set.  O_PATH will do for both;
/// neither is a symlink, which has none.  Errors: ENOSPC, EPERM, and what the host's calls give.
Result<void> copy_xattrs(int from, int to);

/// Owner (where it differs), permissions and times, in the order in which none undoes another.
/// Errors: EPERM for an owner that we may not give.
Result<void> copy_owner_mode_times(int parent, const char* name, const struct statx& info);

}  // namespace nineroot::storage
