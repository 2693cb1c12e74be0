// The layers of the sandbox, one function each.  Private to sandbox.cpp.
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"
#include "server/sandbox.h"

namespace nineroot::server {

/// New user (unless root), mount, network, IPC and UTS namespaces, in which the export is the root
/// of all.  Returns the export as seen in there.  Not to be undone: a failure half way leaves the
/// process unfit, so try it in a child first.
Result<UniqueFd> enter_namespaces(const UniqueFd& root);

/// Drops all capabilities but those that files of other owners take, and these too if not wanted;
/// those for making owners and devices only with `makes_owners`.
Result<void> drop_capabilities(bool keeps_file_capabilities, bool makes_owners);

/// File access beneath `root` alone, and removal of files in `removable` directories.  Returns the
/// version of Landlock that the kernel has.
Result<int> restrict_with_landlock(const UniqueFd& root, bool is_read_only,
                                   const std::vector<UniqueFd>& removable);

/// System calls off the list fail with EPERM; threads can be made, processes cannot.
Result<void> filter_system_calls();

}  // namespace nineroot::server
