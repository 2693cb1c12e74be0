#include "bench/scale_driver/bare_tree.h"

#include <filesystem>
#include <fstream>

#include "base/unique_fd.h"
#include "bench/scale_driver/served.h"

namespace nineroot::bench {

void make_bare_tree(const std::string& path) {
  for (const char* name : {"files", "list", "work"}) {
    std::filesystem::create_directories(std::filesystem::path(path) / name);
  }
  const std::ofstream large(std::filesystem::path(path) / "large");
}

void create_entry(BareCalls& calls, unsigned i) {
  const UniqueFd file(calls.create(BareCalls::Dir::list, entry_name(i).c_str()));
  calls.set_records(file.get());
}

}  // namespace nineroot::bench
