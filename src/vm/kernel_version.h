// The order of kernel releases: "6.9" before "6.10", "6.10-rc1" before "6.10".
#pragma once

#include <string_view>

namespace nineroot::vm {

/// Whether `left` is the older release: runs of digits count as numbers, all else by character; an
/// ending that begins with "-rc" or '~' comes before the end itself.
[[nodiscard]] bool is_older_release(std::string_view left, std::string_view right);

}  // namespace nineroot::vm
