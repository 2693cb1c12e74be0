// Small text files of the guest that decide how a command starts.
#pragma once

#include <string>

namespace nineroot::agent {

/// The file's text; empty if it cannot be read or is longer than 1 MiB.
[[nodiscard]] std::string text_of(const std::string& path);

}  // namespace nineroot::agent
