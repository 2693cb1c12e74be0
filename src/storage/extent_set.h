// Which parts of a file system's space were seen already, so that what several files share is
// counted once.
#pragma once

#include <cstdint>
#include <map>

namespace nineroot::storage {

class ExtentSet {
 public:
  /// Adds [start, start + length); returns how many of these bytes were not in it.
  std::uint64_t add(std::uint64_t start, std::uint64_t length);

 private:
  std::map<std::uint64_t, std::uint64_t> ranges_;  ///< From start to end; apart from each other.
};

}  // namespace nineroot::storage
