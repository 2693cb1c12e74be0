// The kernels in a guest's tree and which one can boot it.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/failure.h"
#include "storage/guest_tree.h"

namespace nineroot::vm {

struct Kernel {
  std::string release;  ///< "6.1.0-49-amd64".
  std::string image;    ///< Guest path of the bzImage.
  std::string modules;  ///< Guest path of its modules; empty if there are none.
  std::string initrd;   ///< Guest path of the distribution's own initrd; empty if there is none.
  bool has_9p = false;  ///< 9p over virtio, as modules or built in.
  bool has_9p_tcp = false;  ///< 9p over sockets (trans=tcp and fd).
};

/// All kernels of the tree, newest release first.
Outcome<std::vector<Kernel>> find_kernels(const storage::GuestTree& tree);

/// The newest that has 9p; fails with what is missing (no kernel at all, only kernels without 9p
/// such as Debian's cloud kernels) and which package to install.
Outcome<Kernel> choose_kernel(const storage::GuestTree& tree);

}  // namespace nineroot::vm
