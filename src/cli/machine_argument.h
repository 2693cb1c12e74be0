// The machine that a verb is told to act on, and which of the guests on its tree.
#pragma once

#include <string>

#include "base/failure.h"
#include "vm/machine.h"

namespace CLI {
class App;
}

namespace nineroot::cli {

struct MachineArgument {
  std::string name;  ///< Or a path.
  std::string run;   ///< --name

  [[nodiscard]] Outcome<vm::Machine> find() const { return vm::find_machine(name, run); }
};

/// `machine` must live as long as `verb`.
void add_machine_argument(CLI::App& verb, MachineArgument& machine);

}  // namespace nineroot::cli
