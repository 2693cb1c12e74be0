// nineroot remove: delete a machine with its tree.
#include <unistd.h>

#include <cstdio>
#include <iostream>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/machine_report.h"
#include "cli/snapshot_argument.h"
#include "vm/dataset/storage_use.h"
#include "vm/remove_machine.h"

namespace nineroot::cli {
namespace {

struct Arguments {
  std::string machine;
  bool is_confirmed = false;
  bool is_json = false;
};

Outcome<bool> confirm(const vm::Machine& machine) {
  if (::isatty(STDIN_FILENO) != 1) {
    return std::unexpected(
        Failure(fmt::format("{} is removed only when somebody says so", machine.name))
            .with_hint("add --yes")
            .as_usage());
  }
  fmt::print(stderr, "Remove {} with all files in {}? [y/N] ", machine.name,
             machine.directory.string());
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

Outcome<int> remove_snapshot(const SnapshotArgument& target, bool is_json) {
  const vm::Machine machine = TRY(vm::find_machine(target.machine));
  const vm::StorageUse use = TRY(vm::StorageUse::begin(machine));
  const vm::Snapshot snapshot = TRY(use.snapshots().find(target.snapshot));
  if (snapshot.is_held) {
    return std::unexpected(
        Failure(fmt::format("{}@{} is held", machine.name, snapshot.name))
            .with_hint(fmt::format("nineroot release {}@{}", machine.name, snapshot.name)));
  }
  TRY(use.snapshots().remove(snapshot));
  if (is_json) {
    print_json({{"name", machine.name}, {"snapshot", snapshot.name}, {"state", "removed"}});
  }
  return 0;
}

Outcome<int> remove(const Arguments& arguments) {
  const SnapshotArgument target = SnapshotArgument::parse(arguments.machine);
  if (!target.snapshot.empty()) {
    return remove_snapshot(target, arguments.is_json);
  }
  const vm::Machine machine = TRY(vm::find_machine(arguments.machine));
  if (!arguments.is_confirmed && !machine.is_bare_tree()) {
    const bool is_wanted = TRY(confirm(machine));
    if (!is_wanted) {
      return failure("{} was not removed", machine.name);
    }
  }
  TRY(vm::remove_machine(machine));
  if (arguments.is_json) {
    print_json({{"name", machine.name}, {"state", "removed"}});
  }
  return 0;
}

}  // namespace

void register_remove(CLI::App& app, Action& action) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* verb =
      app.add_subcommand("remove", "Delete a machine with all of its files, or one snapshot");
  verb->add_option("machine", arguments->machine, "A machine's name, or NAME@SNAPSHOT")->required();
  verb->add_flag("-y,--yes", arguments->is_confirmed, "Do not ask");
  verb->add_flag("--json", arguments->is_json, "Print the result as JSON");
  verb->callback([&action, arguments] { action = [arguments] { return remove(*arguments); }; });
}

}  // namespace nineroot::cli
