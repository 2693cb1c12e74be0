// What `diff` tells of one difference, as text and as JSON.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "storage/difference/difference.h"

namespace nineroot::cli {

/// "metadata /etc/shadow (mode 0640 -> 0600)", without control characters.
[[nodiscard]] std::string to_line(const storage::Difference& difference);

/// Names that are not UTF-8 are also there byte for byte, in hexadecimal.
[[nodiscard]] nlohmann::json to_json(const storage::Difference& difference);

}  // namespace nineroot::cli
