// Small text files of /proc, /sys and the initramfs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace nineroot::guest {

/// The whole file; EFBIG over 1 MiB.
Result<std::string> read_text(const std::string& path);

/// The lines without their ends; empty ones are left out.
[[nodiscard]] std::vector<std::string> lines_of(std::string_view text);

/// Names in a directory without . and .., in no order; none if it cannot be read.
[[nodiscard]] std::vector<std::string> names_in(const std::string& directory);

}  // namespace nineroot::guest
