// Paths that an archive names: cleaned of what is harmless, refused where they are not.  Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/failure.h"

namespace nineroot::storage {

/// Beyond it a path is taken for an attack on those who must walk it.
inline constexpr std::size_t kDeepestPath = 4096;

/// "./usr//bin/" -> "usr/bin", "/etc" -> "etc", "." -> "" (the root).  A Failure for "..", for
/// components over 255 bytes, for more than kDeepestPath components, and for an empty path.
Outcome<std::string> clean_path(std::string_view path);

/// For terminals: control characters as \xNN.
[[nodiscard]] std::string escaped(std::string_view path);

/// For messages: at most 200 bytes, control characters as \xNN, so that no name from an archive
/// moves a terminal's cursor.
[[nodiscard]] std::string printable(std::string_view path);

/// Without the last component; empty if there is only one.
[[nodiscard]] std::string_view parent_path(std::string_view clean);
[[nodiscard]] std::string_view last_component(std::string_view clean);

}  // namespace nineroot::storage
