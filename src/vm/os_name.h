// What a guest's tree says it is.
#pragma once

#include <string>
#include <string_view>

#include "storage/guest_tree.h"

namespace nineroot::vm {

/// PRETTY_NAME of the tree's /etc/os-release or /usr/lib/os-release, "Debian GNU/Linux 12
/// (bookworm)"; empty if there is none.  Only printable characters, 100 at most.
[[nodiscard]] std::string os_name(const storage::GuestTree& tree);

/// The value of `key` in an os-release text, unquoted; source: os-release(5).
[[nodiscard]] std::string os_release_value(std::string_view text, std::string_view key);

}  // namespace nineroot::vm
