// nineroot rollback, undo: a machine taken back to a snapshot.
#include <unistd.h>

#include <cstdio>
#include <iostream>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/machine_report.h"
#include "cli/snapshot_argument.h"
#include "vm/dataset/pending_change.h"
#include "vm/dataset/rollback.h"

namespace nineroot::cli {
namespace {

/// Nothing is lost and nothing is finished: the next command goes on.
constexpr int kPending = 4;

struct Arguments {
  std::string target;
  std::vector<std::string> data_sets;
  bool is_offline = false;
  bool is_dry = false;
  bool is_confirmed = false;
  bool is_quiet = false;
  bool is_json = false;
};

Outcome<void> confirm(const vm::Machine& machine, const std::string& snapshot) {
  if (::isatty(STDIN_FILENO) != 1) {
    return std::unexpected(
        Failure(fmt::format("{} is rolled back only when somebody says so", machine.name))
            .with_hint("add --yes, or look first with --dry-run")
            .as_usage());
  }
  fmt::print(stderr, "Roll {} back to {}? What is there now is kept as a snapshot. [y/N] ",
             machine.name, snapshot);
  std::string answer;
  std::getline(std::cin, answer);
  if (answer == "y" || answer == "Y" || answer == "yes") {
    return {};
  }
  return failure("{} was not rolled back", machine.name);
}

Outcome<int> go(const vm::Machine& machine, vm::StorageUse& use, const Arguments& arguments,
                const std::string& snapshot) {
  if (!arguments.is_dry && !arguments.is_confirmed) {
    TRY(confirm(machine, snapshot));
  }
  vm::Progress progress(vm::Progress::style_of_stderr(arguments.is_quiet || arguments.is_json));
  const Outcome<vm::RollbackDone> done = vm::roll_back(
      use, {.snapshot = snapshot, .data_sets = arguments.data_sets, .is_dry = arguments.is_dry},
      progress);
  if (!done) {
    const bool is_pending = !vm::pending_operation(machine.directory).empty();
    if (!is_pending) {
      return std::unexpected(done.error());
    }
    std::fputs(done.error().text().c_str(), stderr);
    return kPending;
  }
  if (arguments.is_json) {
    print_json({{"machine", machine.name},
                {"snapshot", snapshot},
                {"data_sets", done->data_sets},
                {"kept", done->kept},
                {"undo", done->undo},
                {"dry_run", arguments.is_dry}});
    return 0;
  }
  fmt::print("{} {} back to {}\n", fmt::join(done->data_sets, ", "),
             arguments.is_dry ? "would be taken" : "taken", snapshot);
  if (!done->kept.empty()) {
    fmt::print("{} {} as {}\n", fmt::join(done->kept, ", "),
               arguments.is_dry ? "would stay" : "stayed",
               done->kept.size() == 1 ? "it is" : "they are");
  }
  if (!done->undo.empty()) {
    fmt::print("what was there is {}@{}: `nineroot undo {}` goes back to it\n", machine.name,
               done->undo, machine.name);
  }
  return 0;
}

Outcome<int> roll_back(const Arguments& arguments) {
  const SnapshotArgument target = SnapshotArgument::parse(arguments.target);
  TRY(target.check_snapshot());
  const vm::Machine machine = TRY(vm::find_machine(target.machine));
  vm::StorageUse use = TRY(vm::StorageUse::begin(machine));
  return go(machine, use, arguments, target.snapshot);
}

Outcome<int> undo(const Arguments& arguments) {
  const vm::Machine machine = TRY(vm::find_machine(arguments.target));
  vm::StorageUse use = TRY(vm::StorageUse::begin(machine));
  const vm::Snapshot last = TRY(vm::last_undo(use));
  return go(machine, use, arguments, last.name);
}

void add_common(CLI::App& verb, Arguments& arguments) {
  verb.add_flag("-y,--yes", arguments.is_confirmed, "Do not ask");
  verb.add_flag("-q,--quiet", arguments.is_quiet, "Show no progress");
  verb.add_flag("--json", arguments.is_json, "Print a JSON object");
  verb.footer(
      "Exit status 1: nothing changed; 4: begun and not finished, the next command goes "
      "on with it.");
}

}  // namespace

void register_rollback(CLI::App& app, Action& action) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* verb = app.add_subcommand("rollback", "Take a machine back to a snapshot");
  verb->add_option("snapshot", arguments->target, "NAME@SNAPSHOT")->required();
  verb->add_option("--dataset", arguments->data_sets,
                   "Only this data set (may be repeated); the others stay as they are")
      ->allow_extra_args(false);
  verb->add_flag("--offline", arguments->is_offline, "The machine does not run (the default)");
  verb->add_flag("--dry-run", arguments->is_dry, "Say what would be done, and do nothing");
  add_common(*verb, *arguments);
  verb->callback([&action, arguments] { action = [arguments] { return roll_back(*arguments); }; });

  const auto undone = std::make_shared<Arguments>();
  CLI::App* undoing =
      app.add_subcommand("undo", "Take a machine back to what it was before its last rollback");
  undoing->add_option("machine", undone->target, "A machine's name")->required();
  add_common(*undoing, *undone);
  undoing->callback([&action, undone] { action = [undone] { return undo(*undone); }; });
}

}  // namespace nineroot::cli
