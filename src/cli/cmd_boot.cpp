// nineroot boot: a machine on this terminal.
#include <cstdio>

#include <CLI/CLI.hpp>

#include "cli/boot_flags.h"
#include "cli/command.h"
#include "cli/machine_argument.h"
#include "vm/boot.h"
#include "vm/boot_plan.h"

namespace nineroot::cli {
namespace {

struct Arguments {
  MachineArgument machine;
  BootFlags flags;
  bool prints_command = false;
};

Outcome<int> boot(const Arguments& arguments) {
  const vm::BootOptions options = TRY(boot_options(arguments.flags));
  const vm::Machine machine = TRY(arguments.machine.find());
  if (arguments.prints_command) {
    const std::string commands = TRY(vm::print_boot_commands(machine, options));
    std::fputs(commands.c_str(), stdout);
    return 0;
  }
  return vm::boot(machine, options);
}

}  // namespace

void register_boot(CLI::App& app, Action& action) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* verb = app.add_subcommand("boot", "Boot a machine, with its console here");
  add_machine_argument(*verb, arguments->machine);
  add_boot_flags(*verb, arguments->flags);
  verb->add_flag("--no-reboot", arguments->flags.options.ends_at_reboot,
                 "End when the guest reboots");
  verb->add_flag("--print-command", arguments->prints_command,
                 "Print the commands of the 9P server and of QEMU instead of running them");
  verb->callback([&action, arguments] { action = [arguments] { return boot(*arguments); }; });
}

}  // namespace nineroot::cli
