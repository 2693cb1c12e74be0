// nineroot refresh: a running guest is told what the host has changed.
#include <cstdio>

#include <CLI/CLI.hpp>

#include "base/log.h"
#include "cli/command.h"
#include "cli/machine_argument.h"
#include "cli/machine_report.h"
#include "vm/refresh.h"

namespace nineroot::cli {
namespace {

constexpr const char* kAbout =
    R"(Without PATH all that the guest's kernel has cached and nobody uses is written
out and dropped.  With PATHs (the guest's, from its root) what is at and below
them is brought in line: content, attributes, names that are gone or denote
other files, also of files that are open; mapped ones stay as they are.

--watch does so for each change on the host, within a second, and wakes those
who watch in the guest (inotify); it ends with the machine or by Ctrl-C.)";

struct Arguments {
  MachineArgument machine;
  std::vector<std::string> paths;
  unsigned timeout = 60;
  bool watches = false;
  bool is_json = false;
};

nlohmann::json to_json(const vm::RefreshReport& report) {
  return {{"everything", report.is_everything},
          {"paths", report.paths},
          {"complaints", report.complaints}};
}

void warn(const vm::RefreshReport& report) {
  for (const std::string& complaint : report.complaints) {
    log::warn("the guest could not refresh all: {}", complaint);
  }
}

// One object a line, for whoever reads along.
void print_line(const nlohmann::json& value) {
  fmt::print("{}\n", value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  std::fflush(stdout);
}

Outcome<int> watch(const Arguments& arguments, const vm::Machine& machine) {
  const auto started = [&arguments, &machine](std::size_t directories) {
    if (arguments.is_json) {
      print_line({{"event", "watching"}, {"name", machine.name}, {"directories", directories}});
    } else {
      log::info("watching {} directories for {}", directories, machine.name);
    }
  };
  const auto refreshed = [&arguments](const vm::RefreshReport& report) {
    warn(report);
    if (arguments.is_json) {
      nlohmann::json line = to_json(report);
      line["event"] = "refreshed";
      print_line(line);
    }
  };
  TRY(vm::watch(machine, arguments.paths, std::chrono::seconds(arguments.timeout),
                {.started = started, .refreshed = refreshed}));
  return 0;
}

Outcome<int> refresh(const Arguments& arguments) {
  const vm::Machine machine = TRY(arguments.machine.find());
  if (!vm::is_running(machine)) {
    return std::unexpected(
        vm::not_running(machine, "a machine that does not run has nothing cached"));
  }
  if (arguments.watches) {
    return watch(arguments, machine);
  }
  const vm::RefreshReport report =
      TRY(vm::refresh(machine, arguments.paths, std::chrono::seconds(arguments.timeout)));
  warn(report);
  if (arguments.is_json) {
    nlohmann::json object = to_json(report);
    object["name"] = machine.name;
    print_json(object);
  } else if (report.is_everything) {
    log::info("the guest has dropped all that it had cached and does not use");
  } else {
    log::info("{} files and directories are in line", report.paths);
  }
  return report.complaints.empty() ? 0 : 1;
}

}  // namespace

void register_refresh(CLI::App& app, Action& action) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* verb = app.add_subcommand("refresh", "Tell a running guest what the host has changed");
  verb->footer(kAbout);
  add_machine_argument(*verb, arguments->machine);
  verb->add_option("paths", arguments->paths, "Files and directories in the guest");
  verb->add_flag("--watch", arguments->watches, "Go on with each change until interrupted");
  verb->add_option("--timeout", arguments->timeout, "Seconds to wait for the guest")
      ->capture_default_str();
  verb->add_flag("--json", arguments->is_json, "Print the result as JSON");
  verb->callback([&action, arguments] { action = [arguments] { return refresh(*arguments); }; });
}

}  // namespace nineroot::cli
