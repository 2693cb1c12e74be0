#include "vm/kernel_image.h"

namespace nineroot::vm {

std::optional<std::string> kernel_image_release(std::string_view head) {
  constexpr std::size_t kMagicOffset = 0x202;
  constexpr std::size_t kPointerOffset = 0x20e;
  constexpr std::size_t kPointerBase = 0x200;
  constexpr std::size_t kLongest = 64;  // The kernel's own limit, __NEW_UTS_LEN.
  if (head.size() < kPointerOffset + 2 || head.substr(kMagicOffset, 4) != "HdrS") {
    return std::nullopt;
  }
  const auto low = static_cast<unsigned char>(head[kPointerOffset]);
  const auto high = static_cast<unsigned char>(head[kPointerOffset + 1]);
  const std::size_t start = kPointerBase + low + 256U * high;
  if (start == kPointerBase || start >= head.size()) {
    return std::nullopt;
  }
  // "6.1.0-49-amd64 (debian-kernel@...) #1 SMP ...".
  const std::string_view text = head.substr(start, kLongest + 1);
  const std::size_t end = text.find_first_of(std::string_view(" \0", 2));
  if (end == 0 || end == std::string_view::npos || text.substr(0, end).contains('/')) {
    return std::nullopt;
  }
  return std::string(text.substr(0, end));
}

}  // namespace nineroot::vm
