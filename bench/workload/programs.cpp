#include "bench/workload/programs.h"

#include <cerrno>
#include <filesystem>

#include "bench/workload/child.h"
#include "bench/workload/must.h"

namespace nineroot::workload {
namespace {

std::string tree_of(const Repository& repository) {
  return repository.directory + "/repository";
}

}  // namespace

Tally unpack(const Repository& repository) {
  run_child({"/bin/tar", "-x", "--no-same-owner", "-f", repository.archive.c_str(), "-C",
             repository.directory.c_str()});
  return {.operations = 1, .sum = 0};
}

Tally pack(const Repository& repository) {
  return {.operations = 1,
          .sum = run_child({"/bin/tar", "-c", "-f", "-", "-C", tree_of(repository).c_str(), "."})
                     .operations};
}

Tally git_status(const Repository& repository) {
  if (run_child({"/usr/bin/git", "-C", tree_of(repository).c_str(), "status", "--porcelain"})
          .operations != 0) {
    errno = EILSEQ;
    give_up("find clean", tree_of(repository));
  }
  return {.operations = 1, .sum = 0};
}

Tally copy_self(const std::string& program) {
  std::error_code error;
  std::filesystem::copy_file("/proc/self/exe", program,
                             std::filesystem::copy_options::overwrite_existing, error);
  if (error) {
    errno = error.value();
    give_up("copy", program);
  }
  return {.operations = 1, .sum = 0};
}

Tally execute(const Execution& execution) {
  for (unsigned number = 0; number < execution.count; ++number) {
    run_child({execution.program.c_str(), "nothing"});
  }
  return {.operations = execution.count, .sum = 0};
}

}  // namespace nineroot::workload
