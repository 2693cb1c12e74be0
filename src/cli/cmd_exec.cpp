// nineroot exec: one command in a machine that runs.
#include <CLI/CLI.hpp>

#include "cli/command.h"
#include "cli/exec_flags.h"
#include "cli/machine_argument.h"
#include "vm/runtime.h"

namespace nineroot::cli {
namespace {

struct Arguments {
  MachineArgument machine;
  ExecFlags exec;
  unsigned timeout = 300;
};

Outcome<int> exec(const Arguments& arguments) {
  const vm::ExecRequest request = TRY(exec_request(arguments.exec));
  const vm::Machine machine = TRY(arguments.machine.find());
  if (!vm::is_running(machine)) {
    return std::unexpected(vm::not_running(
        machine, fmt::format("boot it with nineroot boot {0}, or boot it for this command alone "
                             "with nineroot run {0} -- COMMAND",
                             machine.name)));
  }
  return vm::exec_in_guest(vm::RuntimePaths::of(machine).control_socket(), request,
                           std::chrono::seconds(arguments.timeout));
}

}  // namespace

void register_exec(CLI::App& app, Action& action) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* verb = app.add_subcommand("exec", "Run a command in a machine that is running");
  add_machine_argument(*verb, arguments->machine);
  add_exec_flags(*verb, arguments->exec);
  verb->add_option("--timeout", arguments->timeout, "Seconds to wait for the guest to be ready")
      ->capture_default_str();
  verb->callback([&action, arguments] { action = [arguments] { return exec(*arguments); }; });
}

}  // namespace nineroot::cli
