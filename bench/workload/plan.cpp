#include "bench/workload/plan.h"

#include <array>

#include "bench/workload/bulk_data.h"
#include "bench/workload/programs.h"
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

using enum Caches;

// Warm steps come with what warms them, because a cold step of the next place empties all caches.
constexpr std::array kSteps = {
    Step{"create", 1, files<create>, as_they_are, nullptr, whole_tree},
    Step{"stat cold", 1, files<stat_all>, cold},
    Step{"stat warm", 1, files<stat_all>, warm, files<stat_all>},
    Step{"find cold", 1, files<find>, cold},
    Step{"open+close", 1, files<open_close>, warm, files<open_close>},
    Step{"read cold", 1, files<read_all>, cold},
    Step{"read warm", 1, files<read_all>, warm, files<read_all>},
    Step{"missing name", 1, files<missing>, warm, files<stat_all>},
    Step{"rename", 1, files<rename_all>, warm, files<stat_all>, whole_tree},
    Step{"append 128", 1, files<append>, warm, files<stat_all>, whole_tree},
    Step{"rm -rf", 1, files<remove_all>, warm, files<stat_all>},
    Step{"untar", 1, repository<unpack>, as_they_are, nullptr, whole_tree},
    Step{"git status cold", 1, repository<git_status>, cold, repository<git_status>},
    Step{"git status warm", 1, repository<git_status>, warm, repository<git_status>},
    Step{"tar cold", 1, repository<pack>, cold},
    Step{"rm -rf tree", 1, files<remove_all>},
    Step{"write 128k", 1, bulk<write_bulk>, as_they_are, nullptr, whole_tree},
    Step{"read 128k cold", 1, bulk<read_bulk>, cold},
    Step{"random read 4k", 1, bulk<read_random>, cold},
    Step{"random write 4k", 1, bulk<write_random>, as_they_are, nullptr, whole_tree},
    Step{"rm bulk", 1, files<remove_all>},
    Step{"create x2", 2, files<create>, as_they_are, nullptr, whole_tree},
    Step{"stat cold x2", 2, files<stat_all>, cold},
    Step{"open+close x2", 2, files<open_close>, warm, files<open_close>},
    Step{"rename x2", 2, files<rename_all>, warm, files<stat_all>, whole_tree},
    Step{"rm -rf x2", 2, files<remove_all>, warm, files<stat_all>},
    Step{"create x8", 8, files<create>, as_they_are, nullptr, whole_tree},
    Step{"stat cold x8", 8, files<stat_all>, cold},
    Step{"open+close x8", 8, files<open_close>, warm, files<open_close>},
    Step{"rename x8", 8, files<rename_all>, warm, files<stat_all>, whole_tree},
    Step{"rm -rf x8", 8, files<remove_all>, warm, files<stat_all>},
    Step{"write 128k x8", 8, bulk<write_bulk>, as_they_are, nullptr, whole_tree},
    Step{"random read 4k x8", 8, bulk<read_random>, cold},
    Step{"rm bulk x8", 8, files<remove_all>},
};

}  // namespace

std::span<const Step> plan() {
  return kSteps;
}

}  // namespace nineroot::workload
