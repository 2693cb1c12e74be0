// A node's descriptors, held while its attributes are read or changed.  Private to Tree.
#pragma once

#include <optional>
#include <string>

#include "fs/tree.h"

namespace nineroot::fs {

struct Tree::InPlace {
  FdLease fd;
  NodeRef parent;              ///< Outlives the lease of its descriptor.
  std::optional<FdLease> dir;  ///< Only where the identity asks for the place.
  std::string name;
  const InodeId* id = nullptr;
  bool is_root = false;

  /// Valid as long as this object and where it is now.
  [[nodiscard]] Target target() const {
    return {.fd = fd.fd(),
            .id = id,
            .dir_fd = dir ? dir->fd() : -1,
            .name = dir ? name.c_str() : nullptr,
            .is_root = is_root};
  }
};

}  // namespace nineroot::fs
