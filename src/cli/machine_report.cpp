#include "cli/machine_report.h"

#include <algorithm>

#include <fmt/format.h>

namespace nineroot::cli {

std::string MachineReport::state() const {
  if (!running) {
    return "stopped";
  }
  return running->owner.pid > 0 ? "running" : "starting";
}

MachineReport report_on(const vm::Machine& machine) {
  return {.machine = machine, .running = vm::find_running(machine)};
}

nlohmann::json to_json(const MachineReport& report) {
  const vm::Settings& settings = report.machine.settings;
  nlohmann::json object = {{"name", report.machine.name},
                           {"guest", report.machine.run},
                           {"state", report.state()},
                           {"pid", nullptr},
                           {"memory_mib", settings.memory_mib},
                           {"cpus", settings.cpus},
                           {"root", report.machine.root.string()},
                           {"created", settings.created},
                           {"source", settings.source}};
  if (report.running && report.running->owner.pid > 0) {
    object["pid"] = report.running->owner.pid;
    // What it runs with, which the command line may have changed.
    object["memory_mib"] = report.running->memory_mib;
    object["cpus"] = report.running->cpus;
  }
  return object;
}

void print_json(const nlohmann::json& value) {
  fmt::print("{}\n", value.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
}

std::string format_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const std::vector<std::string>& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], row[i].size());
    }
  }
  std::string text;
  for (const std::vector<std::string>& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += fmt::format("{:<{}}", row[i], i + 1 == row.size() ? 0 : widths[i] + 2);
    }
    text += line + "\n";
  }
  return text;
}

}  // namespace nineroot::cli
