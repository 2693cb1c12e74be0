#include "storage/extent_set.h"

#include <algorithm>
#include <iterator>

namespace nineroot::storage {

std::uint64_t ExtentSet::add(std::uint64_t start, std::uint64_t length) {
  std::uint64_t end = start + length;
  std::uint64_t fresh = length;
  auto at = ranges_.upper_bound(start);
  if (at != ranges_.begin() && std::prev(at)->second >= start) {
    --at;
  }
  // Swallows all that it touches.
  std::uint64_t begin = start;
  while (at != ranges_.end() && at->first <= end) {
    const std::uint64_t common_begin = std::max(start, at->first);
    const std::uint64_t common_end = std::min(start + length, at->second);
    fresh -= common_end > common_begin ? common_end - common_begin : 0;
    begin = std::min(begin, at->first);
    end = std::max(end, at->second);
    at = ranges_.erase(at);
  }
  ranges_.emplace(begin, end);
  return fresh;
}

}  // namespace nineroot::storage
