// nineroot clone: a machine from another one, or from a snapshot of it.
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/machine_report.h"
#include "cli/snapshot_argument.h"
#include "vm/dataset/clone_machine.h"

namespace nineroot::cli {
namespace {

struct Arguments {
  std::string source;
  vm::CloneRequest request;
  bool is_quiet = false;
  bool is_json = false;
};

Outcome<int> clone(const Arguments& arguments) {
  const SnapshotArgument source = SnapshotArgument::parse(arguments.source);
  const vm::Machine machine = TRY(vm::find_machine(source.machine));
  vm::CloneRequest request = arguments.request;
  request.snapshot = source.snapshot;
  std::vector<std::string> notes;
  vm::Progress progress(vm::Progress::style_of_stderr(arguments.is_quiet || arguments.is_json));
  const vm::Machine made = TRY(vm::clone_machine(machine, request, progress, notes));
  for (const std::string& note : notes) {
    progress.note("note: " + note);
  }
  if (arguments.is_json) {
    print_json(to_json(report_on(made)));
  }
  return 0;
}

}  // namespace

void register_clone(CLI::App& app, Action& action) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* verb =
      app.add_subcommand("clone", "Make a machine from another one, or from a snapshot of it");
  verb->add_option("source", arguments->source, "NAME, running or not, or NAME@SNAPSHOT")
      ->required();
  verb->add_option("name", arguments->request.name, "Of the new machine")->required();
  verb->add_flag("--keep-identity", arguments->request.keeps_identity,
                 "Keep host name, machine id and ssh host keys; by default they are new");
  verb->add_flag("-q,--quiet", arguments->is_quiet, "Show no progress");
  verb->add_flag("--json", arguments->is_json, "Print the new machine as JSON");
  verb->callback([&action, arguments] { action = [arguments] { return clone(*arguments); }; });
}

}  // namespace nineroot::cli
