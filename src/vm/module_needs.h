// Which kernel modules a root over 9P takes, and where the tree keeps what is known of them.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "storage/guest_tree.h"
#include "vm/initramfs.h"
#include "vm/module_index.h"

namespace nineroot::vm {

/// Without one of these there is no root.
[[nodiscard]] std::span<const std::string_view> required_modules(RootTransport transport);

/// These are taken along where they exist: what the agent speaks through, and what else a guest
/// wants before its own udev runs.
[[nodiscard]] std::span<const std::string_view> optional_modules();

/// `modules` is Kernel::modules.  A file that is missing counts as empty.
[[nodiscard]] ModuleIndex read_module_index(const storage::GuestTree& tree,
                                            const std::string& modules);

}  // namespace nineroot::vm
