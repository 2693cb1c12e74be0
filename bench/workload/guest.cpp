#include "bench/workload/guest.h"

#include <sys/mount.h>
#include <sys/reboot.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "bench/workload/must.h"

namespace nineroot::workload {

void enter_guest(const Job& job) {
  must(mount("proc", "/proc", "proc", 0, nullptr), "mount", "/proc");
  for (const Mount& place : job.mounts) {
    must(mount(place.source.c_str(), place.directory.c_str(), place.type.c_str(), 0,
               place.options.c_str()),
         "mount", place.directory);
  }
}

void leave_guest(const Job& job) {
  for (const Mount& place : job.mounts) {
    must(umount2(place.directory.c_str(), 0), "unmount", place.directory);
  }
  std::printf("@end\n");
  std::fflush(stdout);
  reboot(RB_POWER_OFF);
  std::_Exit(0);
}

}  // namespace nineroot::workload
