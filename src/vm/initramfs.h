// The initramfs that we build at each boot: our static init (src/guest) and the kernel modules it
// needs, taken from the guest's own tree.
#pragma once

#include <string>

#include "base/failure.h"
#include "storage/guest_tree.h"
#include "vm/kernel.h"

namespace nineroot::vm {

/// How the guest reaches the 9P server.
enum class RootTransport {
  virtio,  ///< The device whose mount tag is RootMount::tag.
  tcp,     ///< A stream to RootMount::tcp_address through a network card that is for this alone.
};

/// How the init mounts the root; becomes words of the kernel's command line.
struct RootMount {
  RootTransport transport = RootTransport::virtio;
  std::string tag = "root";
  std::string cache = "mmap";           ///< 9P mount option cache=
  std::uint32_t msize = 0;              ///< 0: the transport's largest.
  bool is_read_only = false;
};

/// The cpio archive (newc) for QEMU's -initrd.
Outcome<std::string> build_initramfs(const storage::GuestTree& tree, const Kernel& kernel,
                                     RootTransport transport);

/// The words for the kernel's command line that the init of build_initramfs() reads, and what any
/// boot needs (console, panic behaviour).
std::string init_command_line(const RootMount& mount);

}  // namespace nineroot::vm
