// What our init says on the guest's console, and its way out.  People and `nineroot boot` tell its
// lines from the kernel's by their beginning, "nineroot-init: "; what ends the boot has "error: "
// after that.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace nineroot::guest {

/// Why the root cannot be had, as one sentence for the console.
template <class T>
using Or = std::expected<T, std::string>;

/// "No such file or directory"; the number in digits where libc has no text.
[[nodiscard]] std::string error_text(int code);

void say(std::string_view text);

/// Says "error: TEXT", syncs and powers the machine off: a panic would leave it standing there.
[[noreturn]] void give_up(std::string_view text);

}  // namespace nineroot::guest
