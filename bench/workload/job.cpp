#include "bench/workload/job.h"

#include <cerrno>
#include <fstream>
#include <sstream>

#include "bench/workload/must.h"

namespace nineroot::workload {
namespace {

bool take(Job& job, std::istringstream& words) {
  std::string key;
  words >> key;
  if (key == "files") {
    words >> job.scale.files;
  } else if (key == "bulk") {
    words >> job.scale.bulk;
  } else if (key == "accesses") {
    words >> job.scale.accesses;
  } else if (key == "archive") {
    words >> job.archive;
  } else if (key == "only") {
    std::getline(words >> std::ws, job.only.emplace_back());
  } else if (key == "script") {
    Script& script = job.scripts.emplace_back();
    words >> script.name >> script.path;
  } else if (key == "mount") {
    Mount& mount = job.mounts.emplace_back();
    words >> mount.type >> mount.source >> mount.directory >> mount.options;
    if (mount.options == "-") {
      mount.options.clear();
    }
  } else if (key == "place") {
    Place& place = job.places.emplace_back();
    words >> place.name >> place.directory;
  } else {
    return false;
  }
  return !words.fail();
}

}  // namespace

Job read_job(const std::string& path) {
  std::ifstream file(path);
  if (!file) {
    give_up("open", path);
  }
  Job job;
  for (std::string line; std::getline(file, line);) {
    if (std::istringstream words(line); !take(job, words)) {
      errno = EINVAL;
      give_up("understand", line);
    }
  }
  return job;
}

}  // namespace nineroot::workload
