// nineroot du: what machines take on the disk, and how much of it they share.
#include <algorithm>
#include <iterator>

#include <CLI/CLI.hpp>

#include "base/log.h"
#include "cli/command.h"
#include "cli/machine_report.h"
#include "cli/tree_argument.h"
#include "storage/usage.h"
#include "vm/progress.h"

namespace nineroot::cli {
namespace {

constexpr const char* kAbout =
    R"(INODES     files, directories and all else; a file with several names is one
LOGICAL    sizes of the files: what a copy without holes would take
ALLOCATED  blocks that each file says are its own, shared ones too
EXCLUSIVE  of them, what no other file shares: removing the machine frees it
SHARED     of them, what other files share, within the machine or out of it,
           each block once

The total counts once what several of the machines share. What is shared is
told by btrfs, XFS and bcachefs; elsewhere nothing is, and EXCLUSIVE is
ALLOCATED. All are estimates while machines run, and where btrfs compresses.

Exit status: 0, 1 failure, 2 usage, 3 not all could be read.)";

struct Arguments {
  std::vector<std::string> machines;
  bool has_snapshots = false;
  bool is_json = false;
};

nlohmann::json to_json(const storage::Usage& usage) {
  return {{"inodes", usage.inodes},       {"logical", usage.logical},
          {"allocated", usage.allocated}, {"exclusive", usage.exclusive},
          {"shared", usage.shared},       {"unreadable", usage.unreadable}};
}

std::vector<std::string> row_of(const std::string& name, const storage::Usage& usage) {
  return {name,
          fmt::to_string(usage.inodes),
          vm::human_bytes(usage.logical),
          vm::human_bytes(usage.allocated),
          vm::human_bytes(usage.exclusive),
          vm::human_bytes(usage.shared)};
}

/// The trees of machines and snapshots, each with its name.
Outcome<std::vector<NamedTree>> open_all(const Arguments& arguments) {
  const std::vector<vm::Machine> machines = TRY(find_machines(arguments.machines));
  std::vector<NamedTree> all;
  for (const vm::Machine& machine : machines) {
    storage::GuestTree tree = TRY(open_tree_of(machine));
    NamedTree& live = all.emplace_back();
    live.name = machine.name;
    live.parts.push_back({.path = "/", .tree = std::move(tree)});
    if (arguments.has_snapshots) {
      std::vector<NamedTree> snapshots = TRY(open_snapshots(machine));
      std::ranges::move(snapshots, std::back_inserter(all));
    }
  }
  return all;
}

Outcome<int> du(const Arguments& arguments) {
  const std::vector<NamedTree> trees = TRY(open_all(arguments));
  storage::UsageMeter meter;
  nlohmann::json all = nlohmann::json::array();
  std::vector<std::vector<std::string>> rows = {
      {"NAME", "INODES", "LOGICAL", "ALLOCATED", "EXCLUSIVE", "SHARED"}};
  for (const NamedTree& tree : trees) {
    storage::Usage usage;
    for (const TreePart& part : tree.parts) {
      const storage::Usage one = TRY(meter.measure(part.tree.root(), tree.name));
      usage += one;
    }
    rows.push_back(row_of(tree.name, usage));
    all.push_back(to_json(usage));
    all.back()["name"] = tree.name;
  }
  if (trees.size() > 1) {
    rows.push_back(row_of("total", meter.total()));
  }
  if (arguments.is_json) {
    print_json({{"machines", all}, {"total", to_json(meter.total())}});
  } else if (!trees.empty()) {
    fmt::print("{}", format_table(rows));
  }
  if (meter.total().unreadable > 0) {
    log::warn("{} files and directories could not be read and are not counted as they should be",
              meter.total().unreadable);
    return 3;
  }
  return 0;
}

}  // namespace

void register_du(CLI::App& app, Action& action) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* verb = app.add_subcommand("du", "Show what machines take on the disk");
  verb->footer(kAbout);
  verb->add_option("machines", arguments->machines,
                   "Names of machines or paths to trees; all machines if none is given");
  verb->add_flag("--snapshots", arguments->has_snapshots, "Show their snapshots too");
  verb->add_flag("--json", arguments->is_json, "Print one JSON object, in bytes");
  verb->callback([&action, arguments] { action = [arguments] { return du(*arguments); }; });
}

}  // namespace nineroot::cli
