#include "vm/qemu_command.h"

#include <charconv>

#include <fmt/format.h>

namespace nineroot::vm {
namespace {

// The generic device's limits: vhost-user back-ends of QEMU 10.2 to 11.1 abort beyond 1024 entries
// and 256 bytes; the Linux driver needs 128 entries for one large request.
constexpr const char* kNinepDevice =
    "vhost-user-test-device-pci,virtio-id=9,num_vqs=1,vq_size=256,config_size=64,chardev=root";

// The network card that carries nothing but 9P, known to our init by its address, which keeps it
// and its addresses from the rest of the guest (src/guest/private_network.h).
constexpr const char* kNinepCard = "virtio-net-pci,netdev=root,mac=52:54:00:39:50:01,romfile=";
constexpr const char* kNinepNetwork =
    "user,id=root,restrict=on,ipv6=off,guestfwd=tcp:10.0.2.100:564-chardev:root";

// QEMU's option parser ends a value at a comma; a doubled one stands for itself.
std::string escape(const std::string& value) {
  std::string escaped;
  for (const char c : value) {
    escaped.append(c == ',' ? 2 : 1, c);
  }
  return escaped;
}

std::string unix_socket(const char* id, const std::filesystem::path& path) {
  return fmt::format("socket,id={},path={}", id, escape(path.string()));
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0) {
    return std::nullopt;
  }
  return port;
}

class Command {
 public:
  explicit Command(const std::filesystem::path& program) : argv_{program.string()} {}

  void add(const char* option) { argv_.emplace_back(option); }

  void add(const char* option, std::string value) {
    argv_.emplace_back(option);
    argv_.push_back(std::move(value));
  }

  std::vector<std::string> take() && { return std::move(argv_); }

 private:
  std::vector<std::string> argv_;
};

void add_machine(Command& command, const QemuMachine& machine) {
  command.add("-name", escape(machine.name));
  command.add("-no-user-config");
  command.add("-nodefaults");
  const bool shares_memory = machine.transport == RootTransport::virtio;
  command.add("-machine", fmt::format("q35,usb=off,dump-guest-core=off{}",
                                      shares_memory ? ",memory-backend=memory" : ""));
  const bool is_kvm = machine.accelerator == Accelerator::kvm;
  command.add("-accel", is_kvm ? "kvm" : "tcg");
  command.add("-cpu", is_kvm ? "host" : "max");
  command.add("-smp", std::to_string(machine.cpus));
  command.add("-m", fmt::format("{}M", machine.memory_mib));
  if (shares_memory) {
    command.add("-object", fmt::format("memory-backend-memfd,id=memory,size={}M,share=on",
                                       machine.memory_mib));
  }
  command.add("-rtc", "base=utc");
}

void add_root(Command& command, const QemuMachine& machine) {
  command.add("-chardev", unix_socket("root", machine.server_socket));
  if (machine.transport == RootTransport::virtio) {
    command.add("-device", kNinepDevice);
  } else {
    command.add("-netdev", kNinepNetwork);
    command.add("-device", kNinepCard);
  }
}

void add_network(Command& command, const QemuMachine& machine) {
  std::string network = "user,id=net";
  for (const PortForward& port : machine.ports) {
    network += fmt::format(",hostfwd=tcp:127.0.0.1:{}-:{}", port.host, port.guest);
  }
  command.add("-netdev", network);
  command.add("-device", "virtio-net-pci,netdev=net,romfile=");
}

void add_console(Command& command, const QemuMachine& machine) {
  command.add("-display", "none");
  if (machine.console_fd >= 0) {
    command.add("-chardev", fmt::format("socket,id=console,fd={}", machine.console_fd));
  } else {
    command.add("-chardev", "stdio,id=console,mux=on,signal=off");
    command.add("-monitor", "chardev:console");
  }
  command.add("-serial", "chardev:console");
  if (machine.qmp_fd >= 0) {
    command.add("-chardev", fmt::format("socket,id=qmp,fd={}", machine.qmp_fd));
    command.add("-qmp", "chardev:qmp");
  }
}

}  // namespace

std::optional<PortForward> parse_port_forward(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) {
    return std::nullopt;
  }
  const std::optional<std::uint16_t> host = parse_port(text.substr(0, colon));
  const std::optional<std::uint16_t> guest = parse_port(text.substr(colon + 1));
  if (!host || !guest) {
    return std::nullopt;
  }
  return PortForward{.host = *host, .guest = *guest};
}

std::vector<std::string> qemu_command(const QemuMachine& machine) {
  Command command(machine.program);
  add_machine(command, machine);
  command.add("-kernel", machine.kernel.string());
  command.add("-initrd", machine.initrd.string());
  command.add("-append", machine.command_line);
  add_root(command, machine);
  add_network(command, machine);
  add_console(command, machine);
  command.add("-device", "virtio-serial-pci");
  command.add("-chardev", unix_socket("agent", machine.agent_socket) + ",server=on,wait=off");
  command.add("-device", "virtserialport,chardev=agent,name=org.nineroot.agent");
  command.add("-device", "virtio-rng-pci");
  if (machine.ends_at_reboot) {
    command.add("-no-reboot");
  }
  command.add("-sandbox",
              "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
  return std::move(command).take();
}

}  // namespace nineroot::vm
