// Command lines as a person can paste them into a shell.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace nineroot::vm {

/// The word as it stands where no shell would touch it, else in single quotes.
[[nodiscard]] std::string shell_quote(std::string_view word);

/// One command; an option ("-x") that follows begins a new line, continued with a backslash.
[[nodiscard]] std::string shell_command(std::span<const std::string> argv);

}  // namespace nineroot::vm
