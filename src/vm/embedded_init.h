// Our static init as bytes in this program, so that the program stays one file.
#pragma once

#include <string_view>

namespace nineroot::vm {

/// The executable that src/guest builds.
[[nodiscard]] std::string_view embedded_init();

}  // namespace nineroot::vm
