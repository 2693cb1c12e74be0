// Tree: owners, between the guest's numbers and those that the tree keeps.
#include "fs/tree.h"

namespace nineroot::fs {

Result<std::uint32_t> Tree::host_id(IdKind kind, std::uint32_t id) const {
  if (options_.id_map.squashes_owner() && !identity_->maps_types() && id == 0) {
    // Nothing records owners here: root's new file must belong to whose files are shown as root's.
    return kind == IdKind::uid ? owner_uid_ : owner_gid_;
  }
  return options_.id_map.to_host(kind, id);
}

Result<NewInode> Tree::new_inode(std::uint32_t mode, const Creator& creator,
                                 std::optional<std::uint64_t> rdev) const {
  NewInode inode{.mode = mode, .uid = std::nullopt, .gid = 0, .rdev = rdev};
  if (creator.uid) {
    inode.uid = TRY(host_id(IdKind::uid, *creator.uid));
  }
  inode.gid = TRY(host_id(IdKind::gid, creator.gid));
  return inode;
}

void Tree::set_owner_of(Attr& attr, const mapped::Recorded& recorded,
                        const struct statx& stat) const {
  const IdMap& map = options_.id_map;
  const bool is_owners = map.squashes_owner() && stat.stx_uid == owner_uid_;
  attr.uid = is_owners && !recorded.uid
                 ? 0
                 : map.to_guest(IdKind::uid, recorded.uid.value_or(stat.stx_uid));
  attr.gid = is_owners && !recorded.gid
                 ? 0
                 : map.to_guest(IdKind::gid, recorded.gid.value_or(stat.stx_gid));
}

bool Tree::has_mapped_ids(std::string_view xattr_name) const {
  return xattr_name.starts_with("system.posix_acl_") && !options_.id_map.is_identity();
}

}  // namespace nineroot::fs
