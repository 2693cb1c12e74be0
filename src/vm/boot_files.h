// The kernel, the initramfs and the command line of one boot, as QEMU needs them: host files.
#pragma once

#include <filesystem>
#include <string>

#include "base/failure.h"
#include "storage/guest_tree.h"
#include "vm/boot_options.h"
#include "vm/initramfs.h"
#include "vm/kernel.h"
#include "vm/runtime.h"

namespace nineroot::vm {

/// The kernel that `wanted` names (BootOptions::kernel), or the newest with 9P.  Of a host file the
/// release is read from its header, so that its modules are found in the tree.
struct BootKernel {
  Kernel kernel;
  std::filesystem::path host_file;  ///< Empty: `kernel.image` in the tree.
};
Outcome<BootKernel> find_boot_kernel(const storage::GuestTree& tree, const std::string& wanted);

struct BootFiles {
  std::filesystem::path kernel;
  std::filesystem::path initrd;
  std::string command_line;
  bool has_agent = false;  ///< Our own init runs, and leaves its agent in the guest.
};

/// Copies and builds what is not a host file already into the runtime directory `paths`.
/// `wanted_initrd` is BootOptions::initrd.
Outcome<BootFiles> prepare_boot_files(const storage::GuestTree& tree, const BootKernel& kernel,
                                      const std::string& wanted_initrd, const RootMount& mount,
                                      const std::string& append, const RuntimePaths& paths);

}  // namespace nineroot::vm
