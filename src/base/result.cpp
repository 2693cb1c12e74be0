#include "base/result.h"

#include <cstring>

#include <fmt/format.h>

namespace nineroot {

std::string errno_name(Errno error) {
  const char* name = strerrorname_np(code(error));
  return name != nullptr ? name : std::to_string(code(error));
}

std::string describe(Errno error) {
  const char* text = strerrordesc_np(code(error));
  return fmt::format("{} ({})", text != nullptr ? text : "Unknown error", errno_name(error));
}

}  // namespace nineroot
