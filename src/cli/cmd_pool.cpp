// nineroot pool: what a file system can do for machines, and a new one for them.
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/machine_report.h"
#include "storage/dataset/capabilities.h"
#include "vm/dataset/pool.h"
#include "vm/progress.h"

namespace nineroot::cli {
namespace {

struct Arguments {
  std::string directory;
  std::string loop_size;
  std::string image;
  bool is_json = false;
};

nlohmann::json to_json(const storage::Capabilities& system, const std::string& directory) {
  return {{"directory", directory},
          {"type", system.type},
          {"driver", system.driver()},
          {"total_bytes", system.total_bytes},
          {"free_bytes", system.free_bytes},
          {"xattrs", system.has_xattrs},
          {"xattrs_in_inodes", system.has_room_in_inodes},
          {"subvolumes", system.has_subvolumes},
          {"subvolume_removal", system.removes_subvolumes},
          {"reflinks", system.has_reflinks},
          {"exchange", system.has_exchange},
          {"dedupe", system.has_dedupe},
          {"warnings", system.warnings()}};
}

void print(const storage::Capabilities& system) {
  const auto word = [](bool is_so, const char* otherwise) { return is_so ? "yes" : otherwise; };
  const bool is_instant = system.has_subvolumes;
  const char* const copies = system.has_reflinks ? "copies that share their data" : "full copies";
  const std::vector<std::vector<std::string>> rows = {
      {"file system", system.type},
      {"size", vm::human_bytes(system.total_bytes)},
      {"free", vm::human_bytes(system.free_bytes)},
      {"owners and modes", system.has_xattrs ? "in extended attributes" : "in files beside"},
      {"data sets", is_instant ? "subvolumes" : "directories"},
      {"snapshots and clones", is_instant ? "at once, sharing all data" : copies},
      {"rollback", is_instant && system.has_exchange ? "at once, or file by file" : "file by file"},
      {"removal of snapshots",
       is_instant ? word(system.removes_subvolumes, "file by file") : "file by file"},
      {"dedup", word(system.has_dedupe, "no")}};
  fmt::print("{}", format_table(rows));
  for (const std::string& warning : system.warnings()) {
    fmt::print("warning: {}\n", warning);
  }
}

Outcome<int> probe(const Arguments& arguments) {
  std::string directory = arguments.directory;
  if (directory.empty()) {
    const std::filesystem::path home = TRY(vm::home_directory());
    directory = home.string();
  }
  const storage::Capabilities system = TRY(storage::probe_capabilities(directory));
  if (arguments.is_json) {
    print_json(to_json(system, directory));
  } else {
    print(system);
  }
  return 0;
}

Outcome<int> init(const Arguments& arguments) {
  vm::PoolRequest request{.directory = arguments.directory, .image = arguments.image};
  if (!arguments.loop_size.empty()) {
    request.loop_size = TRY(vm::parse_size(arguments.loop_size));
  }
  const vm::Pool pool = TRY(vm::init_pool(request));
  const std::string directory = pool.directory.string();
  if (arguments.is_json) {
    nlohmann::json report = to_json(pool.system, directory);
    report["image"] = pool.image.empty() ? nlohmann::json() : nlohmann::json(pool.image.string());
    print_json(report);
    return 0;
  }
  print(pool.system);
  fmt::print("machines are kept in it by those who say: export NINEROOT_HOME={}\n", directory);
  if (!pool.image.empty()) {
    fmt::print(
        "to have it mounted at each start of the host, add to /etc/fstab:\n"
        "  {} {} btrfs loop,user_subvol_rm_allowed 0 0\n",
        pool.image.string(), directory);
  }
  return 0;
}

}  // namespace

void register_pool(CLI::App& app, Action& action) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* verb = app.add_subcommand("pool", "Look at, or make, a place for machines");
  verb->require_subcommand(1);

  CLI::App* probing =
      verb->add_subcommand("probe", "Show what a directory's file system can do for machines");
  probing->add_option("directory", arguments->directory, "By default where machines are kept");
  probing->add_flag("--json", arguments->is_json, "Print a JSON object");
  probing->callback([&action, arguments] { action = [arguments] { return probe(*arguments); }; });

  CLI::App* making = verb->add_subcommand("init", "Make a directory ready for machines");
  making->add_option("directory", arguments->directory, "Made if it is not there")->required();
  making->add_option("--loop", arguments->loop_size,
                     "Mount a new btrfs of this size (20G) there, kept in a file; needs root");
  making->add_option("--image", arguments->image, "That file; by default DIRECTORY.btrfs");
  making->add_flag("--json", arguments->is_json, "Print a JSON object");
  making->callback([&action, arguments] { action = [arguments] { return init(*arguments); }; });
}

}  // namespace nineroot::cli
