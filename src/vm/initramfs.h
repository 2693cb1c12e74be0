// The initramfs that we build at each boot: our static init (src/guest) and the kernel modules it
// needs, taken from the guest's own tree.
#pragma once

#include <cstdint>
#include <string>

#include "base/failure.h"
#include "storage/guest_tree.h"
#include "vm/kernel.h"

namespace nineroot::vm {

/// How the guest reaches the 9P server.
///
/// Devices that QEMU must have for each, beside the agent's (virtio-serial-pci and a virtserialport
/// named org.nineroot.agent):
///   virtio  a virtio 9P device, vhost-user or QEMU's own, with the mount tag RootMount::tag.
///   tcp     -chardev socket,id=root,path=SOCKET
///           -netdev user,id=root,restrict=on,ipv6=off,guestfwd=tcp:10.0.2.100:564-chardev:root
///           -device virtio-net-pci,netdev=root,mac=52:54:00:39:50:01
///           The init moves this card into a network namespace of its own, so that the rest of the
///           guest never sees it, and calls itself 10.0.2.15 there.
enum class RootTransport {
  virtio,
  tcp,
};

/// How the init mounts the root; becomes words of the kernel's command line.
struct RootMount {
  RootTransport transport = RootTransport::virtio;
  std::string tag = "root";    ///< With tcp: only the name in the guest's /proc/mounts.
  std::string cache = "mmap";  ///< 9P mount option cache=
  std::uint32_t msize = 0;     ///< 0: virtio 512000, its largest; tcp 131096.
  bool is_read_only = false;
  bool is_shared = false;  ///< Others hold locks: the guest asks again for one each second, not
                           ///< each 30 (mount option locktimeout=).
};

/// The cpio archive (newc) for QEMU's -initrd.  Fails when the tree lacks a module that the
/// transport needs.
Outcome<std::string> build_initramfs(const storage::GuestTree& tree, const Kernel& kernel,
                                     RootTransport transport);

/// The words for the kernel's command line that the init of build_initramfs() reads, and what any
/// boot needs (console, panic behaviour):
///   nineroot.transport=virtio|tcp nineroot.tag=TAG nineroot.cache=MODE nineroot.msize=BYTES
///   nineroot.ro
/// The init also obeys init=PATH.  What stops it is told on the console on a line that begins
/// "nineroot-init: error: "; then it powers off.
std::string init_command_line(const RootMount& mount);

}  // namespace nineroot::vm
