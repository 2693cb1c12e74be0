// nineroot run: boot, one command, power off.
#include <CLI/CLI.hpp>

#include "cli/boot_flags.h"
#include "cli/command.h"
#include "cli/exec_flags.h"
#include "cli/machine_argument.h"
#include "vm/run_command.h"

namespace nineroot::cli {
namespace {

struct Arguments {
  MachineArgument machine;
  BootFlags boot;
  ExecFlags exec;
};

Outcome<int> run(const Arguments& arguments) {
  const vm::BootOptions options = TRY(boot_options(arguments.boot));
  const vm::ExecRequest request = TRY(exec_request(arguments.exec));
  const vm::Machine machine = TRY(arguments.machine.find());
  if (!options.initrd.empty()) {
    return std::unexpected(
        Failure("run needs the agent that nineroot's own initramfs leaves in the guest")
            .with_hint("leave --initrd out")
            .as_usage());
  }
  return vm::run_in_booted(machine, options, request);
}

}  // namespace

void register_run(CLI::App& app, Action& action) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* verb = app.add_subcommand(
      "run", "Boot a machine, run one command in it with its input, output and status, power off");
  add_machine_argument(*verb, arguments->machine);
  add_exec_flags(*verb, arguments->exec);
  add_boot_flags(*verb, arguments->boot);
  verb->callback([&action, arguments] { action = [arguments] { return run(*arguments); }; });
}

}  // namespace nineroot::cli
