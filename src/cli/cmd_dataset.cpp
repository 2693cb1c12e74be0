// nineroot dataset: directories that are snapshotted and rolled back by themselves.
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/machine_report.h"
#include "vm/dataset/change_data_sets.h"

namespace nineroot::cli {
namespace {

struct Arguments {
  std::string machine;
  std::string path;
  bool is_json = false;
};

Outcome<int> list(const Arguments& arguments) {
  const vm::Machine machine = TRY(vm::find_machine(arguments.machine));
  const vm::StorageUse use = TRY(vm::StorageUse::look(machine));
  nlohmann::json array = nlohmann::json::array();
  std::vector<std::vector<std::string>> rows = {{"DATA SET", "KIND"}};
  for (const vm::DataSet& set : use.catalogue().sets) {
    array.push_back({{"path", set.path}, {"driver", set.driver}});
    rows.push_back({set.path, set.driver});
  }
  if (arguments.is_json) {
    print_json(array);
  } else {
    fmt::print("{}", format_table(rows));
  }
  return 0;
}

Outcome<int> change(const Arguments& arguments, bool is_added) {
  const vm::Machine machine = TRY(vm::find_machine(arguments.machine));
  vm::StorageUse use = TRY(vm::StorageUse::begin(machine));
  vm::Progress progress(vm::Progress::style_of_stderr(arguments.is_json));
  if (is_added) {
    TRY(vm::add_data_set(use, arguments.path, progress));
  } else {
    TRY(vm::remove_data_set(use, arguments.path, progress));
  }
  if (arguments.is_json) {
    print_json({{"machine", machine.name},
                {"path", arguments.path},
                {"state", is_added ? "added" : "removed"}});
  }
  return 0;
}

CLI::App* add_verb(CLI::App& verb, const char* name, const char* text, Arguments& arguments) {
  CLI::App* one = verb.add_subcommand(name, text);
  one->add_option("machine", arguments.machine, "A machine's name")->required();
  one->add_flag("--json", arguments.is_json, "Print JSON");
  return one;
}

}  // namespace

void register_dataset(CLI::App& app, Action& action) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* verb =
      app.add_subcommand("dataset", "Keep directories of a guest as data sets of their own");
  verb->require_subcommand(1);
  add_verb(*verb, "list", "List a machine's data sets", *arguments)->callback([&action, arguments] {
    action = [arguments] { return list(*arguments); };
  });
  const auto add_change = [&](const char* name, const char* text, bool is_added) {
    CLI::App* one = add_verb(*verb, name, text, *arguments);
    one->add_option("path", arguments->path, "The directory as the guest sees it: /home")
        ->required();
    one->callback([&action, arguments, is_added] {
      action = [arguments, is_added] { return change(*arguments, is_added); };
    });
  };
  add_change("add", "Make a directory a data set, with all that is in it", true);
  add_change("remove", "Make a data set an ordinary directory again; its files stay", false);
}

}  // namespace nineroot::cli
