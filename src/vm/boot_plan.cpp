#include "vm/boot_plan.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/unique_fd.h"
#include "vm/dataset/catalogue.h"
#include "vm/process.h"
#include "vm/shell_quote.h"

namespace nineroot::vm {
namespace {

constexpr const char* kTag = "root";

std::vector<std::string> server_command(const std::filesystem::path& program,
                                        const Machine& machine, const Settings& settings,
                                        RootTransport transport, bool is_read_only,
                                        const Catalogue& data_sets, const RuntimePaths& paths) {
  std::vector<std::string> argv = {program.string(), "serve", machine.root.string()};
  if (transport == RootTransport::virtio) {
    argv.insert(argv.end(), {"--vhost-user", paths.server_socket().string(), "--tag", kTag});
  } else {
    argv.insert(argv.end(), {"--listen", "unix:" + paths.server_socket().string()});
  }
  argv.insert(argv.end(), {"--control", paths.server_control().string()});
  argv.insert(argv.end(),
              {"--identity", settings.identity, "--multidevs", settings.multidevs, "--once"});
  for (const std::string& rule : settings.map) {
    argv.insert(argv.end(), {"--map", rule});
  }
  if (settings.is_shared) {
    argv.emplace_back("--shared");
  }
  if (is_read_only) {
    argv.emplace_back("--read-only");
  }
  for (const DataSet& set : data_sets.sets) {
    if (set.path != "/") {
      argv.insert(argv.end(), {"--dataset", set.path});
    }
  }
  return argv;
}

Outcome<Catalogue> data_sets_of(const Machine& machine) {
  if (machine.is_bare_tree()) {
    return Catalogue{};
  }
  const UniqueFd directory(::open(machine.directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.is_open()) {
    return failure(Errno{errno}, "cannot open {}", machine.directory.string());
  }
  return read_catalogue(directory.get(), "");
}

std::string name_for_people(const Machine& machine) {
  const std::string name = machine.is_bare_tree() ? machine.root.filename().string() : machine.name;
  return machine.run.empty() ? name : fmt::format("{} ({})", name, machine.run);
}

}  // namespace

Outcome<RootTransport> choose_transport(const std::string& wanted, const Qemu& qemu,
                                        const Kernel& kernel) {
  if (wanted != "auto" && wanted != "vhost-user" && wanted != "tcp") {
    return std::unexpected(Failure(fmt::format("there is no transport {}", wanted))
                               .with_hint("say auto, vhost-user or tcp")
                               .as_usage());
  }
  if (wanted == "vhost-user" || (wanted == "auto" && qemu.has_vhost_user)) {
    if (!qemu.has_vhost_user) {
      return std::unexpected(
          Failure(fmt::format("QEMU {} cannot attach a vhost-user 9P device", qemu.version.text()))
              .with_hint("run scripts/get-qemu for a newer one, or leave --transport out"));
    }
    if (!kernel.has_9p) {
      return std::unexpected(
          Failure(fmt::format("the kernel {} has no 9P over virtio", kernel.release))
              .with_hint("install the distribution's generic kernel in the guest"));
    }
    return RootTransport::virtio;
  }
  if (!kernel.has_9p_tcp) {
    return std::unexpected(
        Failure(fmt::format("the kernel {} has no 9P over TCP, which QEMU {} needs", kernel.release,
                            qemu.version.text()))
            .with_hint("run scripts/get-qemu for a QEMU that attaches the root by vhost-user"));
  }
  return RootTransport::tcp;
}

Outcome<BootPlan> plan_boot(const Machine& machine, const BootOptions& options,
                            const RuntimePaths& paths) {
  const std::filesystem::path program = TRY(self_executable());
  const std::filesystem::path home = TRY(home_directory());
  BootPlan plan;
  plan.settings = TRY(effective_settings(machine, options));
  plan.qemu = TRY(find_qemu(home, options.qemu));
  plan.accelerator = TRY(choose_accelerator(options.accelerator));
  const storage::GuestTree tree =
      TRY(storage::GuestTree::open(machine.root, layout_of(plan.settings.identity)));
  const BootKernel kernel = TRY(find_boot_kernel(tree, options.kernel));
  plan.kernel = kernel.kernel;
  const RootTransport transport =
      TRY(choose_transport(options.transport, plan.qemu, kernel.kernel));
  const RootMount mount{.transport = transport,
                        .tag = kTag,
                        .cache = plan.settings.cache,
                        .msize = 0,
                        .is_read_only = options.is_read_only,
                        .is_shared = plan.settings.is_shared};
  const BootFiles files =
      TRY(prepare_boot_files(tree, kernel, options.initrd, mount, plan.settings.append, paths));
  plan.has_agent = files.has_agent;
  // guestfwd connects once, when QEMU starts: another guest session needs another connection.
  plan.restarts_at_reboot = transport == RootTransport::tcp && !options.ends_at_reboot;
  const Catalogue data_sets = TRY(data_sets_of(machine));
  plan.server = server_command(program, machine, plan.settings, transport, options.is_read_only,
                               data_sets, paths);
  plan.machine = {.program = plan.qemu.program,
                  .name = name_for_people(machine),
                  .accelerator = plan.accelerator.accelerator,
                  .memory_mib = plan.settings.memory_mib,
                  .cpus = plan.settings.cpus,
                  .kernel = files.kernel,
                  .initrd = files.initrd,
                  .command_line = files.command_line,
                  .transport = transport,
                  .server_socket = paths.server_socket(),
                  .agent_socket = paths.port_socket(),
                  .ports = options.ports,
                  .ends_at_reboot = options.ends_at_reboot || plan.restarts_at_reboot,
                  .console_fd = -1,
                  .qmp_fd = -1};
  return plan;
}

Outcome<std::string> print_boot_commands(const Machine& machine, const BootOptions& options) {
  // Beside the files of a running machine, and without its lock: these stay for whoever pastes.
  RuntimePaths paths = RuntimePaths::of(machine);
  TRY(paths.make_directories());
  paths.directory /= "command";
  TRY(paths.make_directories());
  const BootPlan plan = TRY(plan_boot(machine, options, paths));
  return fmt::format(
      "# The 9P server; it must listen before QEMU starts, and ends after it.\n"
      "{0} &\n"
      "while [ ! -S {1} ]; do sleep 0.1; done\n\n"
      "# The machine; Ctrl-A x ends it.\n"
      "{2}\n",
      shell_command(plan.server), shell_quote(paths.server_socket().string()),
      shell_command(qemu_command(plan.machine)));
}

}  // namespace nineroot::vm
