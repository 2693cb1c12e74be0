// Tree: links, renames and removals.  Names change one at a time (NodeTable::names_mutex), and an
// inode that somebody holds is pinned before it loses the name by which it is known.
#include <sys/stat.h>

#include <mutex>

#include "fs/in_place.h"
#include "fs/sys.h"
#include "fs/tree.h"

namespace nineroot::fs {

Result<std::optional<NodeRef>> Tree::pin_victim(int dir_fd, const Name& name, const InodeId& id) {
  std::optional<NodeRef> victim = table_.find_held(id);
  if (victim) {
    TRY(table_.pin(*victim, dir_fd, name.c_str()));
  }
  return victim;
}

Result<void> Tree::link(const NodeRef& node, const NodeRef& dir, const Name& name) {
  TRY(check_writable());
  const FdLease dir_fd = TRY(lease_dir(dir));
  if (identity_->is_hidden(name.view())) {
    return fail(EINVAL);
  }
  if (S_ISDIR(node->host_type())) {
    return fail(EPERM);
  }
  const InPlace held = TRY(in_place(node));
  const std::unique_lock names(table_.names_mutex);
  TRY(sys::link(held.fd.fd(), dir_fd.fd(), name.c_str()));
  const auto recorded = identity_->after_link(held.target(), dir_fd.fd(), name.c_str());
  if (!recorded) {
    (void)sys::unlink(dir_fd.fd(), name.c_str(), false);
  }
  return recorded;
}

Result<void> Tree::remove(const NodeRef& dir, const Name& name, bool is_directory) {
  TRY(check_writable());
  const FdLease dir_fd = TRY(lease_dir(dir));
  if (identity_->is_hidden(name.view())) {
    return fail(EINVAL);
  }
  const std::unique_lock names(table_.names_mutex);
  const struct statx stat = TRY(sys::stat_at(dir_fd.fd(), name.c_str()));
  if (S_ISDIR(stat.stx_mode) != is_directory) {
    return fail(is_directory ? ENOTDIR : EISDIR);
  }
  const InodeId id = id_of(stat);
  TRY(check_is_no_data_set(id));
  const std::optional<NodeRef> victim = TRY(pin_victim(dir_fd.fd(), name, id));
  auto removed =
      identity_->before_remove(dir_fd.fd(), name.c_str(), is_directory, victim ? &id : nullptr);
  if (removed) {
    removed = sys::unlink(dir_fd.fd(), name.c_str(), is_directory);
    if (removed) {
      identity_->after_remove(dir_fd.fd());
    } else {
      identity_->undo_remove(dir_fd.fd(), name.c_str(), victim ? &id : nullptr);
    }
  }
  if (victim) {
    table_.after_unlink(*victim, dir, name.view(), removed.has_value());
  }
  return removed;
}

Result<void> Tree::rename(const NodeRef& dir, const Name& name, const NodeRef& new_dir,
                          const Name& new_name) {
  TRY(check_writable());
  const FdLease dir_fd = TRY(lease_dir(dir));
  const FdLease new_dir_fd = TRY(lease_dir(new_dir));
  if (identity_->is_hidden(name.view()) || identity_->is_hidden(new_name.view())) {
    return fail(EINVAL);
  }
  const std::unique_lock names(table_.names_mutex);
  const struct statx source = TRY(sys::stat_at(dir_fd.fd(), name.c_str()));
  const auto target = sys::stat_at(new_dir_fd.fd(), new_name.c_str());
  if (!target && target.error() != Errno{ENOENT}) {
    return std::unexpected(target.error());
  }
  const InodeId id = id_of(source);
  TRY(check_is_no_data_set(id));
  if (target) {
    TRY(check_is_no_data_set(id_of(*target)));
  }
  if (target && (id_of(*target) == id || S_ISDIR(target->stx_mode) != S_ISDIR(source.stx_mode))) {
    // Two names of one inode: rename(2) leaves both.  A file over a directory or the reverse: an
    // error.  Either way nothing changes.
    return sys::rename(dir_fd.fd(), name.c_str(), new_dir_fd.fd(), new_name.c_str());
  }
  std::optional<NodeRef> victim;
  Result<void> renamed;
  if (target) {
    const InodeId victim_id = id_of(*target);
    victim = TRY(pin_victim(new_dir_fd.fd(), new_name, victim_id));
    renamed = identity_->before_remove(new_dir_fd.fd(), new_name.c_str(), S_ISDIR(target->stx_mode),
                                       victim ? &victim_id : nullptr);
  }
  if (!renamed && renamed.error() == Errno{ENOTEMPTY}) {
    // The host may have a more telling error, as EINVAL for a directory below itself.
    renamed = sys::rename(dir_fd.fd(), name.c_str(), new_dir_fd.fd(), new_name.c_str());
  } else if (renamed) {
    renamed = sys::rename(dir_fd.fd(), name.c_str(), new_dir_fd.fd(), new_name.c_str());
    if (renamed) {
      if (target) {
        identity_->after_remove(new_dir_fd.fd());
      }
      identity_->after_rename(dir_fd.fd(), name.c_str(), new_dir_fd.fd(), new_name.c_str());
    } else if (target) {
      const InodeId victim_id = id_of(*target);
      identity_->undo_remove(new_dir_fd.fd(), new_name.c_str(), victim ? &victim_id : nullptr);
    }
  }
  if (victim) {
    table_.after_unlink(*victim, new_dir, new_name.view(), renamed.has_value());
  }
  if (renamed) {
    if (const auto moved = table_.find(id)) {
      table_.set_place(*moved, new_dir, new_name.view());
    }
  }
  return renamed;
}

Result<Name> Tree::verified_name(const NodeRef& node, const Place& place) {
  const Name name = TRY(Name::parse(place.name));
  const FdLease dir_fd = TRY(lease_dir(place.parent));
  const struct statx stat = TRY(sys::stat_at(dir_fd.fd(), name.c_str()));
  if (id_of(stat) != node->id()) {
    return fail(ENOENT);
  }
  return name;
}

Result<Place> Tree::verified_place(const NodeRef& node, const Place* wanted) {
  if (wanted != nullptr && verified_name(node, *wanted)) {
    return *wanted;
  }
  std::optional<Place> place = table_.place(node);
  if (!place) {
    return fail(node == root_ ? EBUSY : ENOENT);
  }
  TRY(verified_name(node, *place));
  return *std::move(place);
}

Result<void> Tree::rename_node(const NodeRef& node, const Place* place, const NodeRef& new_dir,
                               const Name& new_name) {
  const Place found = TRY(verified_place(node, place));
  const Name name = TRY(Name::parse(found.name));
  return rename(found.parent, name, new_dir, new_name);
}

Result<void> Tree::remove_node(const NodeRef& node, const Place* place) {
  const Place found = TRY(verified_place(node, place));
  const Name name = TRY(Name::parse(found.name));
  return remove(found.parent, name, S_ISDIR(node->host_type()));
}

}  // namespace nineroot::fs
