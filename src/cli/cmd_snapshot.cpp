// nineroot snapshot, snapshots, hold, release: states of a machine that are kept.
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/machine_report.h"
#include "cli/snapshot_argument.h"
#include "vm/dataset/take_snapshot.h"
#include "vm/timestamp.h"

namespace nineroot::cli {
namespace {

/// Done, but less than could have been.
constexpr int kDegraded = 3;

struct Arguments {
  std::string machine;
  std::string name;
  std::vector<std::string> data_sets;
  std::string required;
  std::string note;
  std::string keep_until;
  bool is_quiet = false;
  bool is_json = false;
};

std::vector<std::string> paths_of(const vm::Snapshot& snapshot) {
  std::vector<std::string> paths;
  for (const vm::DataSet& set : snapshot.sets.sets) {
    paths.push_back(set.path);
  }
  return paths;
}

nlohmann::json report(const vm::Snapshot& snapshot) {
  return {{"name", snapshot.name},
          {"created", snapshot.created},
          {"level", vm::name_of(snapshot.level)},
          {"note", snapshot.note},
          {"keep_until", snapshot.keep_until},
          {"held", snapshot.is_held},
          {"cause", snapshot.cause},
          {"data_sets", paths_of(snapshot)}};
}

Outcome<int> take(const Arguments& arguments) {
  vm::SnapshotRequest request{.name = arguments.name,
                              .data_sets = arguments.data_sets,
                              .required = {},
                              .note = arguments.note};
  if (!arguments.required.empty()) {
    request.required = vm::level_of(arguments.required);
  }
  if (!arguments.keep_until.empty()) {
    request.keep_until = TRY(vm::parse_time(arguments.keep_until));
  }
  const vm::Machine machine = TRY(vm::find_machine(arguments.machine));
  vm::StorageUse use = TRY(vm::StorageUse::begin(machine));
  vm::Progress progress(vm::Progress::style_of_stderr(arguments.is_quiet || arguments.is_json));
  const vm::SnapshotTaken taken = TRY(vm::take_snapshot(use, request, progress));
  if (arguments.is_json) {
    nlohmann::json object = report(taken.snapshot);
    object["pause_us"] = taken.pause.count();
    object["degraded"] = taken.degraded;
    print_json(object);
  } else {
    fmt::print("{}@{}: level {}", machine.name, taken.snapshot.name,
               vm::name_of(taken.snapshot.level));
    if (taken.pause.count() > 0) {
      fmt::print(", the guest waited {:.1f} ms", static_cast<double>(taken.pause.count()) / 1000);
    }
    fmt::print("\n");
    if (!taken.degraded.empty()) {
      fmt::print(stderr, "nineroot: {}\n", taken.degraded);
    }
  }
  return taken.degraded.empty() ? 0 : kDegraded;
}

Outcome<int> list(const Arguments& arguments) {
  const vm::Machine machine = TRY(vm::find_machine(arguments.machine));
  const vm::StorageUse use = TRY(vm::StorageUse::look(machine));
  const std::vector<vm::Snapshot> all = TRY(use.snapshots().list());
  nlohmann::json array = nlohmann::json::array();
  std::vector<std::vector<std::string>> rows = {
      {"NAME", "CREATED", "LEVEL", "KEPT", "DATA SETS", "NOTE"}};
  for (const vm::Snapshot& one : all) {
    array.push_back(report(one));
    rows.push_back({one.name, one.created, std::string(vm::name_of(one.level)),
                    one.is_held              ? "held"
                    : one.keep_until.empty() ? "-"
                                             : "until " + one.keep_until,
                    fmt::format("{}", fmt::join(paths_of(one), ",")), one.note});
  }
  if (arguments.is_json) {
    print_json(array);
  } else if (!all.empty()) {
    fmt::print("{}", format_table(rows));
  }
  return 0;
}

Outcome<int> set_held(const std::string& text, bool is_held) {
  const SnapshotArgument argument = SnapshotArgument::parse(text);
  TRY(argument.check_snapshot());
  const vm::Machine machine = TRY(vm::find_machine(argument.machine));
  const vm::StorageUse use = TRY(vm::StorageUse::begin(machine));
  vm::Snapshot snapshot = TRY(use.snapshots().find(argument.snapshot));
  snapshot.is_held = is_held;
  TRY(use.snapshots().update(snapshot));
  return 0;
}

void register_take(CLI::App& app, Action& action) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* verb =
      app.add_subcommand("snapshot", "Keep the state of a machine, running or not, under a name");
  verb->add_option("machine", arguments->machine, "A machine's name")->required();
  verb->add_option("snapshot", arguments->name, "The snapshot's name; by default the time");
  verb->add_option("--dataset", arguments->data_sets, "Of this data set only (may be repeated)")
      ->allow_extra_args(false);
  verb->add_option("--require", arguments->required,
                   "Fail rather than reach less: crash, synced (the guest has synced), app (its "
                   "hooks in /etc/nineroot/freeze.d have run)")
      ->check(CLI::IsMember({"crash", "synced", "app"}));
  verb->add_option("--note", arguments->note, "A text for people");
  verb->add_option(
      "--keep-until", arguments->keep_until,
      "Recorded, nothing acts on it yet: 2026-12-31, 2026-12-31T12:00:00Z, or 30d, 12h");
  verb->add_flag("-q,--quiet", arguments->is_quiet, "Show no progress");
  verb->add_flag("--json", arguments->is_json, "Print a JSON object");
  verb->footer("Exit status 3: taken, but of a lower level than there could be; it says why.");
  verb->callback([&action, arguments] { action = [arguments] { return take(*arguments); }; });
}

void register_list_of(CLI::App& app, Action& action) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* verb = app.add_subcommand("snapshots", "List the snapshots of a machine");
  verb->add_option("machine", arguments->machine, "A machine's name")->required();
  verb->add_flag("--json", arguments->is_json, "Print an array of JSON objects");
  verb->callback([&action, arguments] { action = [arguments] { return list(*arguments); }; });
}

void register_hold(CLI::App& app, Action& action, const char* name, const char* text,
                   bool is_held) {
  const auto argument = std::make_shared<std::string>();
  CLI::App* verb = app.add_subcommand(name, text);
  verb->add_option("snapshot", *argument, "NAME@SNAPSHOT")->required();
  verb->callback([&action, argument, is_held] {
    action = [argument, is_held] { return set_held(*argument, is_held); };
  });
}

}  // namespace

void register_snapshot(CLI::App& app, Action& action) {
  register_take(app, action);
  register_list_of(app, action);
  register_hold(app, action, "hold", "Keep a snapshot from being removed", true);
  register_hold(app, action, "release", "Let a snapshot be removed again", false);
}

}  // namespace nineroot::cli
