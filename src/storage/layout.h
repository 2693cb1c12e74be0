// The ways in which a host tree keeps what a guest's tree needs.
#pragma once

namespace nineroot::storage {

/// How a tree records what an ordinary user cannot have.
enum class Layout {
  mapped_xattr,  ///< user.virtfs.* on each inode (base/mapped_format.h).
  mapped_file,   ///< .virtfs_metadata beside each entry.
  plain,         ///< The host inode is the guest's: real owners, modes and symlinks.
};

}  // namespace nineroot::storage
