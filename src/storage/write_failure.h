// What to tell people when something cannot be written into a tree.
#pragma once

#include <string_view>

#include "base/failure.h"

namespace nineroot::storage {

/// "cannot write PATH", with what to do about a full disk.
[[nodiscard]] Failure write_failure(Errno cause, std::string_view path);

}  // namespace nineroot::storage
