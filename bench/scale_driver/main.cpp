// scale_driver KIND TREE NINEROOT SIZE: measures once, prints a line of JSON each.  `bench/scale`
// runs it and makes the tables.  TREE is an empty directory.
#include <exception>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "bench/scale_driver/kinds.h"

int main(int argc, char** argv) {
  using namespace nineroot::bench;
  const std::map<std::string, void (*)(const Job&)> kinds{{"directory", measure_directory},
                                                          {"fids", measure_fids},
                                                          {"depth", measure_depth},
                                                          {"guests", measure_guests},
                                                          {"sessions", measure_sessions}};
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() != 4 || !kinds.contains(arguments[0])) {
    fmt::print(stderr,
               "Usage: scale_driver directory|fids|depth|guests|sessions TREE NINEROOT SIZE\n");
    return 2;
  }
  try {
    kinds.at(arguments[0])({.tree = arguments[1],
                            .program = arguments[2],
                            .size = static_cast<unsigned>(std::stoul(arguments[3]))});
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "scale_driver: {}\n", error.what());
    return 1;
  }
}
