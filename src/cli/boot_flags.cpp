#include "cli/boot_flags.h"

#include <CLI/CLI.hpp>

namespace nineroot::cli {

void add_boot_flags(CLI::App& verb, BootFlags& flags) {
  vm::BootOptions& options = flags.options;
  verb.add_option("--memory", flags.memory, "The guest's memory: 2048 or 2048M (MiB), 2G");
  verb.add_option("--cpus", flags.cpus, "The guest's CPUs")->check(CLI::Range(1, 255));
  verb.add_option("--cache", options.cache,
                  "mmap: host edits are seen at once; loose: faster, they are not; none");
  verb.add_option("--identity", options.identity,
                  "How owners and modes are kept: mapped-xattr, mapped-file, passthrough, none");
  verb.add_option("--map", options.map,
                  "Translate owners, see `nineroot serve --help`; squash-owner by itself for a "
                  "tree of yours that records none")
      ->delimiter(',')
      ->allow_extra_args(false);
  verb.add_option("--multidevs", options.multidevs,
                  "Several host file systems in the tree: remap, forbid, warn");
  verb.add_flag("--shared", options.is_shared,
                "Take the guest's locks on the host, where others see them, and let other guests "
                "of --shared, with a --name, use the tree too");
  verb.add_option("--kernel", options.kernel,
                  "A kernel file of this host, or a release in the tree");
  verb.add_option("--initrd", options.initrd,
                  "An initrd file of this host, or guest: the tree's own (default: one is built)");
  verb.add_option("--append", options.append, "More words for the kernel's command line");
  verb.add_option("--qemu", options.qemu, "The QEMU to use (or set NINEROOT_QEMU)");
  verb.add_option("--accel", options.accelerator, "auto, kvm or tcg")->capture_default_str();
  verb.add_option("--transport", options.transport,
                  "How QEMU reaches the 9P server: auto, vhost-user or tcp")
      ->capture_default_str();
  verb.add_option("--port", flags.ports,
                  "HOST:GUEST, a TCP port of this host's loopback address that leads to the guest")
      ->allow_extra_args(false);
  verb.add_flag("--read-only", options.is_read_only, "The guest cannot change the tree");
}

Outcome<vm::BootOptions> boot_options(const BootFlags& flags) {
  vm::BootOptions options = flags.options;
  if (!flags.memory.empty()) {
    options.memory_mib = vm::parse_memory(flags.memory);
    if (!options.memory_mib) {
      return std::unexpected(Failure(fmt::format("{} is not a size of memory", flags.memory))
                                 .with_hint("say 2048, 512M or 2G; at least 64M")
                                 .as_usage());
    }
  }
  if (flags.cpus != 0) {
    options.cpus = flags.cpus;
  }
  for (const std::string& text : flags.ports) {
    const std::optional<vm::PortForward> port = vm::parse_port_forward(text);
    if (!port) {
      return std::unexpected(Failure(fmt::format("{} is not a pair of ports", text))
                                 .with_hint("say HOST:GUEST, such as 8080:80")
                                 .as_usage());
    }
    options.ports.push_back(*port);
  }
  return options;
}

}  // namespace nineroot::cli
