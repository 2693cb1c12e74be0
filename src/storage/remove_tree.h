// Removing a tree that a guest or an archive filled: as deep and as wide as it likes.
#pragma once

#include <string>

#include "base/result.h"

namespace nineroot::storage {

/// Removes `name` in `directory` with all that is in it; never follows a symlink.  Directories
/// without permissions are given them.  Fine if it is not there.  EBUSY for mount points.
Result<void> remove_tree(int directory, const std::string& name);

/// The same for a host path.
Result<void> remove_tree(const std::string& path);

}  // namespace nineroot::storage
