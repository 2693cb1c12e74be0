// nineroot list: the machines under the home.
#include <CLI/CLI.hpp>

#include "cli/command.h"
#include "cli/machine_report.h"

namespace nineroot::cli {
namespace {

std::string or_dash(const std::string& text) {
  return text.empty() ? "-" : text;
}

std::vector<std::string> row_of(const vm::Machine& machine, const nlohmann::json& report) {
  const auto cpus = report["cpus"].get<unsigned>();
  return {machine.name,
          or_dash(machine.run),
          report["state"].get<std::string>(),
          report["pid"].is_null() ? "-" : fmt::to_string(report["pid"].get<int>()),
          fmt::format("{} MiB", report["memory_mib"].get<unsigned>()),
          cpus == 0 ? "auto" : fmt::to_string(cpus),
          or_dash(machine.settings.created),
          or_dash(machine.settings.source)};
}

// A line for each guest that runs, and for each machine that has none.
Outcome<int> list(bool is_json) {
  const std::vector<vm::Machine> machines = TRY(vm::list_machines());
  nlohmann::json all = nlohmann::json::array();
  std::vector<std::vector<std::string>> rows = {
      {"NAME", "GUEST", "STATE", "PID", "MEMORY", "CPUS", "CREATED", "SOURCE"}};
  for (const vm::Machine& machine : machines) {
    std::vector<vm::Machine> runs = vm::find_runs(machine);
    if (runs.empty()) {
      runs.push_back(machine);
    }
    for (const vm::Machine& run : runs) {
      const nlohmann::json one = to_json(report_on(run));
      rows.push_back(row_of(run, one));
      all.push_back(one);
    }
  }
  if (is_json) {
    print_json(all);
  } else if (!machines.empty()) {
    fmt::print("{}", format_table(rows));
  }
  return 0;
}

}  // namespace

void register_list(CLI::App& app, Action& action) {
  const auto is_json = std::make_shared<bool>(false);
  CLI::App* verb = app.add_subcommand("list", "List the machines");
  verb->add_flag("--json", *is_json, "Print an array of JSON objects");
  verb->callback([&action, is_json] { action = [is_json] { return list(*is_json); }; });
}

}  // namespace nineroot::cli
