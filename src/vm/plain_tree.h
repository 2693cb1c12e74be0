// A tree that somebody made without nineroot or QEMU, as the user who serves it.
#pragma once

#include <filesystem>

#include "storage/layout.h"

namespace nineroot::vm {

/// True if the tree, whose layout was found out to be `layout`, is the caller's own, who is not
/// root, and records no owner of the root or of some entry in it.  Such files are shown as root's
/// (`serve --map squash-owner`): nobody else can own them, and a guest whose system files are not
/// root's does not work.  What a guest adds is recorded, which does not change the answer.
[[nodiscard]] bool is_own_plain_tree(const std::filesystem::path& root, storage::Layout layout);

}  // namespace nineroot::vm
