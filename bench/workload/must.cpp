#include "bench/workload/must.h"

#include <sys/reboot.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace nineroot::workload {

void give_up(std::string_view what, std::string_view where) {
  std::printf("@fail %.*s %.*s: %s\n", static_cast<int>(what.size()), what.data(),
              static_cast<int>(where.size()), where.data(), std::strerror(errno));
  std::fflush(stdout);
  if (getpid() == 1) {
    reboot(RB_POWER_OFF);
  }
  std::_Exit(1);
}

}  // namespace nineroot::workload
