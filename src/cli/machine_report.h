// What `list` and `show` tell of a machine, as text and as JSON.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "vm/machine.h"
#include "vm/runtime.h"

namespace nineroot::cli {

struct MachineReport {
  vm::Machine machine;
  std::optional<vm::RunningState> running;

  /// "stopped", "starting" or "running".
  [[nodiscard]] std::string state() const;
};

[[nodiscard]] MachineReport report_on(const vm::Machine& machine);

/// The keys of one element of `list --json`; `show --json` adds to them.
[[nodiscard]] nlohmann::json to_json(const MachineReport& report);

/// JSON for standard output, whatever bytes names and settings hold.
void print_json(const nlohmann::json& value);

/// Rows as columns that line up, the first row being the headings.
[[nodiscard]] std::string format_table(const std::vector<std::vector<std::string>>& rows);

}  // namespace nineroot::cli
