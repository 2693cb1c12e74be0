// What QEMU is told: the one place that knows its command line.  Pure; decisions are the caller's.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vm/initramfs.h"

namespace nineroot::vm {

enum class Accelerator { kvm, tcg };

/// A port of the host's loopback address that leads to one of the guest's.
struct PortForward {
  std::uint16_t host = 0;
  std::uint16_t guest = 0;

  bool operator==(const PortForward&) const = default;
};

/// "8080:80"; nothing for what is not two ports.
[[nodiscard]] std::optional<PortForward> parse_port_forward(std::string_view text);

/// Everything that one start of QEMU depends on.
struct QemuMachine {
  std::filesystem::path program;
  std::string name;  ///< For people who look at it from outside.
  Accelerator accelerator = Accelerator::tcg;
  std::uint32_t memory_mib = 2048;
  std::uint32_t cpus = 1;
  std::filesystem::path kernel;
  std::filesystem::path initrd;
  std::string command_line;
  RootTransport transport = RootTransport::virtio;
  std::filesystem::path server_socket;  ///< Where our server listens, in the transport's way.
  std::filesystem::path agent_socket;   ///< Where QEMU listens for the agent's host side.
  std::vector<PortForward> ports;
  bool ends_at_reboot = false;
  /// Connected sockets that QEMU inherits; without them the console is standard input and output
  /// with QEMU's monitor behind Ctrl-A c, and there is no machine protocol.
  int console_fd = -1;
  int qmp_fd = -1;
};

/// argv, for a QEMU that runs as the caller and may not start programs or gain rights.
[[nodiscard]] std::vector<std::string> qemu_command(const QemuMachine& machine);

}  // namespace nineroot::vm
