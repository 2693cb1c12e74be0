// workload JOB: does the steps of plan.h in the places of a job and tells how long each took.
// As a process it works in directories that are there; as init of a guest it mounts them first, and
// takes JOB from its environment, where the kernel puts workload=JOB of its command line.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "bench/workload/guest.h"
#include "bench/workload/job.h"
#include "bench/workload/measure.h"
#include "bench/workload/plan.h"

namespace {

/// git reads no settings of the machine, but one: a tree may belong to somebody else.
void settle_git() {
  setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
  setenv("GIT_CONFIG_GLOBAL", "/dev/null", 1);
  setenv("GIT_CONFIG_COUNT", "1", 1);
  setenv("GIT_CONFIG_KEY_0", "safe.directory", 1);
  setenv("GIT_CONFIG_VALUE_0", "*", 1);
}

}  // namespace

int main(int argc, char** argv) {
  using namespace nineroot::workload;
  const bool is_init = getpid() == 1;
  // An init's arguments are whatever the kernel had no use for itself.
  const char* path = is_init ? std::getenv("workload") : argc == 2 ? argv[1] : nullptr;
  if (path != nullptr && !is_init && std::string_view(path) == "nothing") {
    return 0;  // What the step that runs programs runs.
  }
  if (path == nullptr) {
    std::fprintf(stderr, "usage: workload JOB\n");
    return 2;
  }
  const Job job = read_job(path);
  settle_git();
  if (is_init) {
    enter_guest(job);
  }
  for (const Step& step : plan(job)) {
    for (const Place& place : job.places) {
      measure(job, step, place);
    }
  }
  if (is_init) {
    leave_guest(job);
  }
  std::printf("@end\n");
}
