#include "bench/workload/plan.h"

#include <algorithm>

#include "bench/workload/bulk_data.h"
#include "bench/workload/programs.h"
#include "bench/workload/scripts.h"
#include "bench/workload/small_files.h"
#include "bench/workload/tree_sum.h"

namespace nineroot::workload {
namespace {

template <Tally (*kWork)(const Share&)>
Tally files(const Part& part) {
  return kWork({.directory = part.directory, .count = part.job->scale.files / part.processes});
}

template <Tally (*kWork)(const Bulk&)>
Tally bulk(const Part& part) {
  const Scale& scale = part.job->scale;
  return kWork({.directory = part.directory,
                .size = scale.bulk / part.processes / kBulkPiece * kBulkPiece,
                .accesses = scale.accesses / part.processes});
}

template <Tally (*kWork)(const Repository&)>
Tally repository(const Part& part) {
  return kWork({.archive = part.job->archive, .directory = part.directory});
}

Tally whole_tree(const Part& part) {
  return tree_sum(part.directory);
}

Tally program(const Part& part) {
  return copy_self(part.directory + "/program");
}

template <unsigned kTimes>
Tally exec(const Part& part) {
  return execute({.program = part.directory + "/program", .count = kTimes});
}

constexpr unsigned kExecutions = 20;

using enum Caches;

// Warm steps come with what warms them, because a cold step of the next place empties all caches.
// Whatever is removed is removed at the end: ext4 looks at every inode that was freed in the last
// minutes before it makes another, and took three quarters of a create for that.
const std::vector<Step>& all_steps() {
  static const std::vector<Step> kSteps = {
      Step{"create", 'p', 1, files<create>, as_they_are, nullptr, whole_tree},
      Step{"stat cold", 'p', 1, files<stat_all>, cold},
      Step{"stat warm", 'p', 1, files<stat_all>, warm, files<stat_all>},
      Step{"find cold", 'p', 1, files<find>, cold},
      Step{"walk warm", 'p', 1, files<walk>, warm, files<walk>},
      Step{"open+close", 'p', 1, files<open_close>, warm, files<open_close>},
      Step{"read cold", 'p', 1, files<read_all>, cold},
      Step{"read warm", 'p', 1, files<read_all>, warm, files<read_all>},
      Step{"missing name", 'p', 1, files<missing>, warm, files<stat_all>},
      Step{"rename", 'p', 1, files<rename_all>, warm, files<stat_all>, whole_tree},
      Step{"append 128", 'p', 1, files<append>, warm, files<stat_all>, whole_tree},
      Step{"untar", 't', 1, repository<unpack>, as_they_are, nullptr, whole_tree},
      Step{"git status cold", 't', 1, repository<git_status>, cold, repository<git_status>},
      Step{"git status warm", 't', 1, repository<git_status>, warm, repository<git_status>},
      Step{"tar cold", 't', 1, repository<pack>, cold},
      Step{"write 128k", 'b', 1, bulk<write_bulk>, as_they_are, nullptr, whole_tree},
      Step{"read 128k cold", 'b', 1, bulk<read_bulk>, cold},
      Step{"random read 4k", 'b', 1, bulk<read_random>, cold},
      Step{"random write 4k", 'b', 1, bulk<write_random>, as_they_are, nullptr, whole_tree},
      Step{"unlink", 'u', 1, files<unlink_all>, warm, files<create_and_stat>, files<remove_all>},
      Step{"mixed x2", 'm', 2, files<mixed>, as_they_are, nullptr, files<remove_all>},
      Step{"copy program", 'e', 1, program},
      Step{"exec warm", 'e', 1, exec<kExecutions>, warm, exec<1>},
      Step{"rm program", 'e', 1, files<remove_all>},
      Step{"create x2", 'q', 2, files<create>, as_they_are, nullptr, whole_tree},
      Step{"stat cold x2", 'q', 2, files<stat_all>, cold},
      Step{"open+close x2", 'q', 2, files<open_close>, warm, files<open_close>},
      Step{"rename x2", 'q', 2, files<rename_all>, warm, files<stat_all>, whole_tree},
      Step{"create x8", 'r', 8, files<create>, as_they_are, nullptr, whole_tree},
      Step{"stat cold x8", 'r', 8, files<stat_all>, cold},
      Step{"open+close x8", 'r', 8, files<open_close>, warm, files<open_close>},
      Step{"rename x8", 'r', 8, files<rename_all>, warm, files<stat_all>, whole_tree},
      Step{"write 128k x8", 'c', 8, bulk<write_bulk>, as_they_are, nullptr, whole_tree},
      Step{"random read 4k x8", 'c', 8, bulk<read_random>, cold},
      Step{"rm -rf", 'p', 1, files<remove_all>, warm, files<stat_all>},
      Step{"rm -rf x2", 'q', 2, files<remove_all>, warm, files<stat_all>},
      Step{"rm -rf x8", 'r', 8, files<remove_all>, warm, files<stat_all>},
      Step{"rm -rf tree", 't', 1, files<remove_all>},
      Step{"rm bulk", 'b', 1, files<remove_all>},
      Step{"rm bulk x8", 'c', 8, files<remove_all>},
  };
  return kSteps;
}

/// Whether `job` names any of the steps with this letter.
bool is_named(const Job& job, const Step& step) {
  return std::ranges::find(job.only, step.name) != job.only.end();
}

bool is_edge(const Step& step) {
  const auto has_letter = [&](const Step& other) { return other.tree == step.tree; };
  const auto& steps = all_steps();
  return std::ranges::find_if(steps, has_letter)->name == step.name ||
         std::find_if(steps.rbegin(), steps.rend(), has_letter)->name == step.name;
}

}  // namespace

std::vector<Step> plan(const Job& job) {
  std::vector<Step> wanted;
  for (const Step& step : all_steps()) {
    const bool has_company = std::ranges::any_of(all_steps(), [&](const Step& other) {
      return other.tree == step.tree && is_named(job, other);
    });
    if (job.only.empty() || is_named(job, step) || (is_edge(step) && has_company)) {
      wanted.push_back(step);
    }
  }
  for (const Script& script : job.scripts) {
    wanted.push_back({.name = script.name,
                      .tree = 's',
                      .processes = 1,
                      .work = script_work,
                      .caches = as_they_are,
                      .warm_up = script_prepare,
                      .check = script_check,
                      .script = script.path});
  }
  return wanted;
}

}  // namespace nineroot::workload
