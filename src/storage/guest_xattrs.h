// The extended attributes that a guest sees on an inode, whatever the layout calls them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "storage/layout.h"

namespace nineroot::storage {

/// Guest names and raw values, sorted by name.
using GuestXattrs = std::vector<std::pair<std::string, std::string>>;

/// All of `inode`, which may be O_PATH; ACLs are among them under their kernel names.  The host's
/// own affairs (system.* but ACLs, security.selinux) are not.  A file system without xattrs, and a
/// host symlink or device in a mapped tree, have none.
Result<GuestXattrs> read_guest_xattrs(Layout layout, int inode);

}  // namespace nineroot::storage
