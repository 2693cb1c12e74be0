// nineroot stop: end a machine that another process runs.
#include <cstdio>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "cli/command.h"
#include "cli/machine_argument.h"
#include "vm/stop.h"

namespace nineroot::cli {
namespace {

struct Arguments {
  MachineArgument machine;
  unsigned timeout = 90;
  bool is_forced = false;
  bool is_json = false;
};

Outcome<int> stop(const Arguments& arguments) {
  const vm::Machine machine = TRY(arguments.machine.find());
  const std::chrono::seconds timeout(arguments.timeout);
  const bool was_running = TRY(arguments.is_forced ? vm::kill_machine(machine, timeout)
                                                   : vm::stop_machine(machine, timeout));
  if (arguments.is_json) {
    const nlohmann::json object = {
        {"name", machine.name}, {"state", "stopped"}, {"was_running", was_running}};
    fmt::print("{}\n", object.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
  } else if (!was_running) {
    log::info("{} is not running", machine.name);
  }
  return 0;
}

}  // namespace

void register_stop(CLI::App& app, Action& action) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* verb = app.add_subcommand("stop", "Let a running machine power off");
  add_machine_argument(*verb, arguments->machine);
  verb->add_option("--timeout", arguments->timeout, "Seconds to wait for it")
      ->capture_default_str();
  verb->add_flag("--force", arguments->is_forced, "End it at once, as pulling the plug would");
  verb->add_flag("--json", arguments->is_json, "Print the result as JSON");
  verb->callback([&action, arguments] { action = [arguments] { return stop(*arguments); }; });
}

}  // namespace nineroot::cli
