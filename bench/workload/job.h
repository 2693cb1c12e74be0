// What to do and where, as the file that the benchmark writes for this program says it.
#pragma once

#include <string>
#include <vector>

namespace nineroot::workload {

/// How much each step does; divided among its processes.
struct Scale {
  unsigned files = 400;
  std::size_t bulk = 16UL << 20U;
  unsigned accesses = 256;
};

/// A directory to work in, by the name under which its results are told.
struct Place {
  std::string name;
  std::string directory;
};

struct Mount {
  std::string type;
  std::string source;
  std::string directory;
  std::string options;
};

/// A step that a shell script does: see scripts.h.
struct Script {
  std::string name;
  std::string path;
};

struct Job {
  Scale scale;
  std::string archive;            ///< Of the repository.
  std::vector<std::string> only;  ///< Steps by name; none: all.
  std::vector<Script> scripts;    ///< Done after the steps of the plan.
  std::vector<Mount> mounts;      ///< Only an init makes them.
  std::vector<Place> places;      ///< In the order in which each step visits them.
};

/// Reads lines of words: files N, bulk BYTES, accesses N, archive PATH, only STEP (which may have
/// spaces), script NAME PATH, mount TYPE SOURCE DIRECTORY OPTIONS (- for none), place NAME
/// DIRECTORY. Gives up on anything else.
Job read_job(const std::string& path);

}  // namespace nineroot::workload
