// A benchmark that cannot do what it measures ends at once, with a line that says what failed.
#pragma once

#include <string_view>

namespace nineroot::workload {

/// Prints "@fail WHAT WHERE: reason" with errno's text, and ends: the process, or the machine if
/// this process is its init.
[[noreturn]] void give_up(std::string_view what, std::string_view where);

/// For what a system call returned: passes it on unless it is -1.
template <class T>
T must(T value, std::string_view what, std::string_view where) {
  if (value == static_cast<T>(-1)) {
    give_up(what, where);
  }
  return value;
}

}  // namespace nineroot::workload
