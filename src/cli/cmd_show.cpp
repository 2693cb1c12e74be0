// nineroot show: all that is known of one machine.
#include <CLI/CLI.hpp>

#include "cli/command.h"
#include "cli/machine_argument.h"
#include "cli/machine_report.h"
#include "storage/guest_tree.h"
#include "vm/boot_options.h"
#include "vm/kernel.h"
#include "vm/os_name.h"

namespace nineroot::cli {
namespace {

using nlohmann::json;

// What the tree itself says; a tree that cannot be read says why.
void add_tree(json& object, const vm::Machine& machine, const vm::Settings& settings) {
  const Outcome<storage::GuestTree> tree =
      storage::GuestTree::open(machine.root, vm::layout_of(settings.identity));
  if (!tree) {
    object["problem"] = tree.error().what();
    return;
  }
  object["os"] = vm::os_name(*tree);
  const Outcome<vm::Kernel> kernel = vm::choose_kernel(*tree);
  if (kernel) {
    object["kernel"] = kernel->release;
    object["kernel_has_9p_tcp"] = kernel->has_9p_tcp;
  } else {
    object["problem"] = kernel.error().what();
  }
}

void add_running(json& object, const MachineReport& report) {
  const vm::RuntimePaths paths = vm::RuntimePaths::of(report.machine);
  object["runtime_directory"] = paths.directory.string();
  if (!report.running) {
    return;
  }
  const vm::RunningState& state = *report.running;
  object["running"] = {{"started", state.started},
                       {"kernel", state.kernel},
                       {"accelerator", state.accelerator},
                       {"transport", state.transport},
                       {"qemu_version", state.qemu_version},
                       {"qemu_pid", state.qemu.pid},
                       {"server_pid", state.server.pid},
                       {"agent_socket", paths.control_socket().string()},
                       {"server_socket", paths.server_socket().string()}};
}

// All guests that run on the tree, by name, if there are more than the one without.
json guests_of(const vm::Machine& machine) {
  json names = json::array();
  for (const vm::Machine& run : vm::find_runs(machine)) {
    names.push_back(run.run);
  }
  return names == json::array({""}) ? json::array() : names;
}

std::string plain(const json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

void print_text(const json& object) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& [key, value] : object.items()) {
    if (value.is_object()) {
      for (const auto& [inner, inner_value] : value.items()) {
        rows.push_back({key + "." + inner, plain(inner_value)});
      }
    } else if (!value.is_null() && plain(value) != "") {
      rows.push_back({key, plain(value)});
    }
  }
  fmt::print("{}", format_table(rows));
}

Outcome<int> show(const MachineArgument& argument, bool is_json) {
  const vm::Machine machine = TRY(argument.find());
  const vm::Settings settings = TRY(vm::effective_settings(machine, {}));
  const MachineReport report = report_on(machine);
  json object = to_json(report);
  if (!machine.is_bare_tree()) {
    object["directory"] = machine.directory.string();
  }
  if (const json guests = guests_of(machine); !guests.empty()) {
    object["guests"] = guests;
  }
  object["cache"] = settings.cache;
  object["identity"] = settings.identity;
  object["map"] = settings.map;
  object["multidevs"] = settings.multidevs;
  object["shared"] = settings.is_shared;
  object["append"] = settings.append;
  add_tree(object, machine, settings);
  add_running(object, report);
  if (is_json) {
    print_json(object);
  } else {
    print_text(object);
  }
  return 0;
}

struct Arguments {
  MachineArgument machine;
  bool is_json = false;
};

}  // namespace

void register_show(CLI::App& app, Action& action) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* verb = app.add_subcommand("show", "Show all that is known of a machine");
  add_machine_argument(*verb, arguments->machine);
  verb->add_flag("--json", arguments->is_json, "Print one JSON object");
  verb->callback([&action, arguments] {
    action = [arguments] { return show(arguments->machine, arguments->is_json); };
  });
}

}  // namespace nineroot::cli
