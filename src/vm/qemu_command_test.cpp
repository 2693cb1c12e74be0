#include "vm/qemu_command.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nineroot::vm {
namespace {

using ::testing::ElementsAre;
using Words = std::vector<std::string>;

QemuMachine example() {
  return {.program = "/usr/bin/qemu-system-x86_64",
          .name = "deb",
          .accelerator = Accelerator::tcg,
          .memory_mib = 1024,
          .cpus = 2,
          .kernel = "/run/deb/kernel",
          .initrd = "/run/deb/initrd",
          .command_line = "console=ttyS0 rw",
          .transport = RootTransport::virtio,
          .server_socket = "/run/deb/root.sock",
          .agent_socket = "/run/deb/port.sock",
          .ports = {},
          .ends_at_reboot = false,
          .console_fd = 5,
          .qmp_fd = 6};
}

// The value that follows `option` for the `nth` time.
std::string value_of(const Words& words, const std::string& option, int nth = 0) {
  for (auto at = words.begin(); at != words.end(); ++at) {
    if (*at == option && nth-- == 0) {
      return at + 1 == words.end() ? "(end)" : *(at + 1);
    }
  }
  return "(absent)";
}

bool has(const Words& words, const std::string& word) {
  return std::ranges::find(words, word) != words.end();
}

TEST(QemuCommand, AttachesTheServerByVhostUserOverSharedMemory) {
  EXPECT_THAT(
      qemu_command(example()),
      ElementsAre(
          "/usr/bin/qemu-system-x86_64", "-name", "deb", "-no-user-config", "-nodefaults",
          "-machine", "q35,usb=off,dump-guest-core=off,memory-backend=memory", "-accel", "tcg",
          "-cpu", "max", "-smp", "2", "-m", "1024M", "-object",
          "memory-backend-memfd,id=memory,size=1024M,share=on", "-rtc", "base=utc", "-kernel",
          "/run/deb/kernel", "-initrd", "/run/deb/initrd", "-append", "console=ttyS0 rw",
          "-chardev", "socket,id=root,path=/run/deb/root.sock", "-device",
          "vhost-user-test-device-pci,virtio-id=9,num_vqs=1,vq_size=256,config_size=64,"
          "chardev=root",
          "-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,romfile=", "-display",
          "none", "-chardev", "socket,id=console,fd=5", "-serial", "chardev:console", "-chardev",
          "socket,id=qmp,fd=6", "-qmp", "chardev:qmp", "-device", "virtio-serial-pci", "-chardev",
          "socket,id=agent,path=/run/deb/port.sock,server=on,wait=off", "-device",
          "virtserialport,chardev=agent,name=org.nineroot.agent", "-device", "virtio-rng-pci",
          "-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"));
}

TEST(QemuCommand, GivesAnOldQemuTheServerOnANetworkCardOfItsOwn) {
  QemuMachine machine = example();
  machine.transport = RootTransport::tcp;
  machine.ends_at_reboot = true;
  const Words words = qemu_command(machine);
  EXPECT_EQ(value_of(words, "-machine"), "q35,usb=off,dump-guest-core=off");
  EXPECT_EQ(value_of(words, "-object"), "(absent)");
  EXPECT_EQ(value_of(words, "-chardev", 0), "socket,id=root,path=/run/deb/root.sock");
  EXPECT_EQ(value_of(words, "-netdev", 0),
            "user,id=root,restrict=on,ipv6=off,guestfwd=tcp:10.0.2.100:564-chardev:root");
  EXPECT_EQ(value_of(words, "-device", 0),
            "virtio-net-pci,netdev=root,mac=52:54:00:39:50:01,romfile=");
  EXPECT_EQ(value_of(words, "-netdev", 1), "user,id=net");
  EXPECT_TRUE(has(words, "-no-reboot"));
}

TEST(QemuCommand, ForwardsPortsOfTheLoopbackAddressAlone) {
  QemuMachine machine = example();
  machine.ports = {{.host = 8080, .guest = 80}, {.host = 2222, .guest = 22}};
  EXPECT_EQ(value_of(qemu_command(machine), "-netdev"),
            "user,id=net,hostfwd=tcp:127.0.0.1:8080-:80,hostfwd=tcp:127.0.0.1:2222-:22");
}

TEST(QemuCommand, PutsTheConsoleOnTheTerminalWhereNobodyRelaysIt) {
  QemuMachine machine = example();
  machine.console_fd = -1;
  machine.qmp_fd = -1;
  const Words words = qemu_command(machine);
  EXPECT_EQ(value_of(words, "-chardev", 1), "stdio,id=console,mux=on,signal=off");
  EXPECT_EQ(value_of(words, "-monitor"), "chardev:console");
}

TEST(QemuCommand, TakesTheHostsCpuUnderKvm) {
  QemuMachine machine = example();
  machine.accelerator = Accelerator::kvm;
  const Words words = qemu_command(machine);
  EXPECT_EQ(value_of(words, "-accel"), "kvm");
  EXPECT_EQ(value_of(words, "-cpu"), "host");
}

TEST(QemuCommand, DoublesCommasInNamesAndPaths) {
  QemuMachine machine = example();
  machine.name = "a,b";
  machine.agent_socket = "/run/a,server=off/port";
  const Words words = qemu_command(machine);
  EXPECT_EQ(value_of(words, "-name"), "a,,b");
  EXPECT_EQ(value_of(words, "-chardev", 3),
            "socket,id=agent,path=/run/a,,server=off/port,server=on,wait=off");
}

TEST(PortForward, IsTwoPortsAndNothingElse) {
  EXPECT_EQ(parse_port_forward("8080:80"), (PortForward{.host = 8080, .guest = 80}));
  for (const char* bad : {"", "80", ":80", "80:", "0:80", "80:0", "65536:1", "1:2:3", "a:b", "1: 2",
                          "-1:2", "+1:2"}) {
    EXPECT_EQ(parse_port_forward(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace nineroot::vm
