// nineroot dedup: machines share on the disk what they have in common.
#include <algorithm>

#include <CLI/CLI.hpp>

#include "base/log.h"
#include "cli/command.h"
#include "cli/machine_report.h"
#include "cli/tree_argument.h"
#include "storage/dedup/deduplicate.h"
#include "vm/progress.h"

namespace nineroot::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kAbout =
    R"(Files that hold the same bytes are made to share them, on btrfs and on XFS with
reflink. Machines may run meanwhile: the kernel compares the files itself, and
neither content nor times change. Nothing is locked and root is not needed.

What a run has hashed is kept in a cache under the home, so that the next one
reads only what changed. Room is freed only where no snapshot holds the old
blocks: --snapshots looks at those too.

Exit status: 0, 1 failure, 2 usage, 3 not all could be read or shared.)";

struct Arguments {
  std::vector<std::string> machines;
  std::vector<std::string> against;
  bool has_snapshots = false;
  bool is_dry_run = false;
  bool is_json = false;
};

nlohmann::json to_json(const storage::DedupReport& report) {
  return {{"files", report.files},
          {"hashed", report.hashed},
          {"hashed_bytes", report.hashed_bytes},
          {"known", report.known},
          {"shared_before_bytes", report.shared_before},
          {"shared_files", report.shared_files},
          {"shared_bytes", report.shared_bytes},
          {"changed", report.changed},
          {"refused", report.refused},
          {"unreadable", report.unreadable}};
}

void print_text(const storage::DedupReport& report, bool is_dry_run) {
  fmt::print("{} files, {} of them hashed ({}), {} known from before\n", report.files,
             report.hashed, vm::human_bytes(report.hashed_bytes), report.known);
  fmt::print("{} files {}: {}\n", report.shared_files,
             is_dry_run ? "would share what others hold" : "share now what others hold",
             vm::human_bytes(report.shared_bytes));
  fmt::print("{} were shared before\n", vm::human_bytes(report.shared_before));
}

void warn(const storage::DedupReport& report) {
  const auto say = [](std::uint64_t count, const char* what) {
    if (count > 0) {
      log::warn("{} {}", count, what);
    }
  };
  say(report.changed, "files changed meanwhile and were left alone");
  say(report.refused, "files may not be shared: not ours, or of a kind that cannot be");
  say(report.unreadable, "files and directories could not be read");
}

Outcome<fs::path> index_file() {
  const fs::path home = TRY(vm::home_directory());
  std::error_code error;
  fs::create_directories(home, error);
  if (error) {
    return failure(Errno{error.value()}, "cannot make {}", home.string());
  }
  return home / "dedup-index";
}

Outcome<int> dedup(const Arguments& arguments) {
  const bool is_all = arguments.machines.empty();
  const std::vector<vm::Machine> machines = TRY(find_machines(arguments.machines));
  std::vector<vm::Machine> sources;
  if (!arguments.against.empty()) {
    sources = TRY(find_machines(arguments.against));
  }
  std::vector<storage::GuestTree> open_trees;
  std::vector<storage::DedupTree> trees;
  const auto add = [&](const vm::Machine& machine, bool is_source_only) -> Outcome<void> {
    storage::GuestTree tree = TRY(open_tree_of(machine));
    open_trees.push_back(std::move(tree));
    trees.push_back(
        {.root = open_trees.back().root(), .name = machine.name, .is_source_only = is_source_only});
    return {};
  };
  for (const vm::Machine& source : sources) {
    TRY(add(source, true));
  }
  for (const vm::Machine& machine : machines) {
    const bool is_source =
        std::ranges::find(sources, machine.root, &vm::Machine::root) != sources.end();
    if (!is_source) {
      TRY(add(machine, false));
    }
    if (arguments.has_snapshots && !is_source) {
      std::vector<NamedTree> all = TRY(open_snapshots(machine));
      for (NamedTree& snapshot : all) {
        for (TreePart& part : snapshot.parts) {
          open_trees.push_back(std::move(part.tree));
          trees.push_back({.root = open_trees.back().root(), .name = snapshot.name});
        }
      }
    }
  }
  storage::DedupOptions options{.is_dry_run = arguments.is_dry_run, .index = {}, .keep = {}};
  options.index = TRY(index_file());
  options.keep = is_all ? storage::HashIndex::Keep::used : storage::HashIndex::Keep::all;
  vm::Progress progress(vm::Progress::style_of_stderr(arguments.is_json));
  const storage::DedupWatch watch{
      .begin = [&](const std::string& phase, std::uint64_t total) { progress.begin(phase, total); },
      .update = [&](std::uint64_t bytes, std::uint64_t files) { progress.update(bytes, files); }};
  const storage::DedupReport report = TRY(storage::deduplicate(trees, options, watch));
  progress.end();
  if (arguments.is_json) {
    print_json(to_json(report));
  } else {
    print_text(report, arguments.is_dry_run);
  }
  warn(report);
  return report.refused + report.unreadable > 0 ? 3 : 0;
}

}  // namespace

void register_dedup(CLI::App& app, Action& action) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* verb = app.add_subcommand("dedup", "Let machines share what they have in common");
  verb->footer(kAbout);
  verb->add_option("machines", arguments->machines,
                   "Names of machines or paths to trees; all machines if none is given");
  verb->add_option("--against", arguments->against,
                   "A machine or a tree that the others share with, and that stays as it is");
  verb->add_flag("--snapshots", arguments->has_snapshots,
                 "Let their snapshots share too, which else hold on to their blocks");
  verb->add_flag("--dry-run", arguments->is_dry_run, "Only tell what would be shared");
  verb->add_flag("--json", arguments->is_json, "Print the result as JSON");
  verb->callback([&action, arguments] { action = [arguments] { return dedup(*arguments); }; });
}

}  // namespace nineroot::cli
