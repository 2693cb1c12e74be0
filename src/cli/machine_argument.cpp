#include "cli/machine_argument.h"

#include <CLI/CLI.hpp>

namespace nineroot::cli {

void add_machine_argument(CLI::App& verb, MachineArgument& machine) {
  verb.add_option("machine", machine.name, "A machine's name, or a path to a tree")->required();
  verb.add_option("--name", machine.run,
                  "Which guest is meant, of several that share the machine's tree");
}

}  // namespace nineroot::cli
