// All that is decided before a machine starts: which QEMU, how it runs the guest's code, how it
// reaches the 9P server, and the two command lines.
#pragma once

#include <string>
#include <vector>

#include "base/failure.h"
#include "vm/accelerator.h"
#include "vm/boot_files.h"
#include "vm/boot_options.h"
#include "vm/machine.h"
#include "vm/qemu.h"
#include "vm/qemu_command.h"
#include "vm/runtime.h"

namespace nineroot::vm {

struct BootPlan {
  Settings settings;
  Qemu qemu;
  AcceleratorChoice accelerator;
  Kernel kernel;
  bool has_agent = false;
  bool restarts_at_reboot = false;  ///< QEMU must end and be started anew when the guest reboots.
  std::vector<std::string> server;  ///< argv of `nineroot serve`.
  QemuMachine machine;              ///< Without the descriptors of the console and of QMP.

  [[nodiscard]] const char* transport_name() const {
    return machine.transport == RootTransport::virtio ? "vhost-user" : "tcp";
  }
};

/// Writes the kernel and the initramfs into `paths`, which must exist.
Outcome<BootPlan> plan_boot(const Machine& machine, const BootOptions& options,
                            const RuntimePaths& paths);

/// Which way a QEMU and a kernel can go; `wanted` is BootOptions::transport.
Outcome<RootTransport> choose_transport(const std::string& wanted, const Qemu& qemu,
                                        const Kernel& kernel);

/// Both command lines, as a person can paste them; makes the files they need, which stay.
Outcome<std::string> print_boot_commands(const Machine& machine, const BootOptions& options);

}  // namespace nineroot::vm
