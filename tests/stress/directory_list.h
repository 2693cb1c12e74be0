// Reading directories as programs do, by getdents64, and telling what was read.
#pragma once

#include <functional>
#include <string>

namespace nineroot::stress {

/// Calls `body` with each name but . and .., and its type (DT_*), read in pieces of `piece` bytes.
/// Returns 0 or an errno.
int for_each_name(int directory, std::size_t piece,
                  const std::function<void(const std::string& name, unsigned char type)>& body);

/// All names, sorted, each with its type; or the name of an error.
std::string describe_names(int directory);

/// Reads from the start in small pieces, calls `body` for each name, and tells how many names were
/// told, and which of them more than once.
std::string count_told(int directory, const std::function<void(const std::string& name)>& body);

}  // namespace nineroot::stress
