// The names in one directory.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace nineroot::storage {

/// All names but "." and "..", in the host's order.  `directory` may be O_PATH; its own position
/// is not touched.  ENOTDIR for what is no directory.
Result<std::vector<std::string>> directory_names(int directory);

}  // namespace nineroot::storage
