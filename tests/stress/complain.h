// How the processes of the data-integrity test end when something is wrong.
#pragma once

namespace nineroot::stress {

/// Prints a line and ends the process with 1.
[[noreturn, gnu::format(printf, 1, 2)]] void complain(const char* format, ...);

/// The same if not `is_right`, with errno's text.
void require(bool is_right, const char* what);

}  // namespace nineroot::stress
