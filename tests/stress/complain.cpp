#include "tests/stress/complain.h"

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace nineroot::stress {

void complain(const char* format, ...) {
  std::va_list arguments;
  va_start(arguments, format);
  std::fputs("WRONG: ", stdout);
  std::vprintf(format, arguments);
  std::fputs("\n", stdout);
  va_end(arguments);
  std::fflush(stdout);
  std::_Exit(1);
}

void require(bool is_right, const char* what) {
  if (!is_right) {
    complain("%s: %s", what, std::strerror(errno));
  }
}

}  // namespace nineroot::stress
