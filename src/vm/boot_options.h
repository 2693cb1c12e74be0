// What a person can say about one boot, over the machine's own settings.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/failure.h"
#include "storage/layout.h"
#include "vm/machine.h"
#include "vm/qemu_command.h"
#include "vm/runtime.h"

namespace nineroot::vm {

/// Empty strings and absent numbers mean: as the machine's settings say, or as this host allows.
struct BootOptions {
  std::optional<std::uint32_t> memory_mib{};
  std::optional<std::uint32_t> cpus{};
  std::string cache{};
  std::string identity{};
  std::vector<std::string> map{};  ///< In place of the settings' rules.
  std::string multidevs{};
  bool is_shared = false;
  std::string kernel{};  ///< A host file (with a '/'), or a release that the tree has.
  std::string initrd{};  ///< A host file, or "guest": the tree's own.
  std::string append{};  ///< Added to the kernel's command line, after the settings'.
  std::string qemu{};
  std::string accelerator = "auto";  ///< auto, kvm or tcg.
  std::string transport = "auto";    ///< auto, vhost-user or tcp.
  std::vector<PortForward> ports{};
  bool is_read_only = false;
  bool ends_at_reboot = false;
  std::filesystem::path console_log{};  ///< The console goes here instead of to the terminal.
  int ready_fd = -1;                    ///< Gets the line "ready" once the agent has connected.
};

/// "2048", "512M", "2G": at least 64 MiB.
[[nodiscard]] std::optional<std::uint32_t> parse_memory(std::string_view text);

/// `settings` with what `options` say over them, checked; cpus is never 0 after this.
Outcome<Settings> effective_settings(const Machine& machine, const BootOptions& options);

/// Whether this boot suffers other guests on its tree: with --shared unless the identity is
/// mapped-file, or if it cannot write to it.  A usage failure if it has a name (Machine::run) and
/// does not.
Outcome<TreeUse> tree_use(const Machine& machine, const BootOptions& options);

/// How a tree served with `identity` ("mapped-xattr" ...) is laid out.
[[nodiscard]] storage::Layout layout_of(std::string_view identity);

}  // namespace nineroot::vm
