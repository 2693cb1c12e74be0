#include "bench/workload/scripts.h"

#include "bench/workload/child.h"

namespace nineroot::workload {
namespace {

Tally call(const Part& part, const char* what) {
  return run_child({"/bin/sh", part.step->script.c_str(), what, part.directory.c_str()});
}

}  // namespace

Tally script_prepare(const Part& part) {
  return call(part, "prepare");
}

Tally script_work(const Part& part) {
  call(part, "work");
  return {.operations = 1, .sum = 0};
}

Tally script_check(const Part& part) {
  return call(part, "check");
}

}  // namespace nineroot::workload
