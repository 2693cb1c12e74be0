// The half of TreeWriter that links names, sets xattrs, and does at the end what had to wait.
#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "storage/account_names.h"
#include "storage/descriptor.h"
#include "storage/entry_path.h"
#include "storage/tree_walk.h"
#include "storage/tree_writer.h"

namespace nineroot::storage {
namespace {

bool is_acl_name(std::string_view name) {
  return name == kAccessAclName || name == kDefaultAclName;
}

/// Where a layout keeps the guest's xattr `name`; nothing if it cannot.
std::optional<std::string> stored_name(Layout layout, const std::string& name) {
  switch (layout) {
    case Layout::mapped_xattr:
      return mapped::host_xattr_name(name);
    case Layout::mapped_file:
      return name.starts_with("user.") || is_acl_name(name) ? std::optional(name) : std::nullopt;
    case Layout::plain:
      break;
  }
  return name;
}

/// More than what the mode says already.
bool is_extended(const PosixAcl& acl) {
  return std::ranges::any_of(acl, [](const AclEntry& entry) {
    return entry.tag == AclEntry::Tag::user || entry.tag == AclEntry::Tag::group ||
           entry.tag == AclEntry::Tag::mask;
  });
}

}  // namespace

Outcome<void> TreeWriter::write_xattrs(const std::string& path, int inode, const Entry& entry) {
  bool has_access = false;
  bool has_default = false;
  for (const auto& [name, value] : entry.xattrs) {
    if (name.starts_with(mapped::kXattrPrefix)) {
      return std::unexpected(
          Failure(fmt::format("{} carries {}, which only the host may set", printable(path),
                              printable(name)))
              .with_hint("this is an archive of a mapped tree: unpack it with `tar --xattrs "
                         "--xattrs-include='user.*' -xf`, then use `--from DIRECTORY`"));
    }
    if (is_acl_name(name) && !is_encoded_acl(value)) {
      return failure("{} carries a {} that is no ACL", printable(path), name);
    }
    has_access = has_access || name == kAccessAclName;
    has_default = has_default || name == kDefaultAclName;
    TRY(write_xattr(path, inode, name, value));
  }
  if (entry.access_acl && !has_access && is_extended(*entry.access_acl)) {
    TRY(write_acl(path, inode, kAccessAclName, *entry.access_acl));
  }
  if (entry.default_acl && !has_default) {
    TRY(write_acl(path, inode, kDefaultAclName, *entry.default_acl));
  }
  return {};
}

Outcome<void> TreeWriter::write_xattr(const std::string& path, int inode, const std::string& name,
                                      std::string_view value) {
  const auto stored = stored_name(layout_, name);
  if (!stored) {
    warn(fmt::format("{}: the attribute {} was left out", printable(path), printable(name)));
    return {};
  }
  if (::setxattr(path_of(inode).c_str(), stored->c_str(), value.data(), value.size(), 0) == 0) {
    return {};
  }
  Failure failure(fmt::format("cannot set the attribute {} ({} bytes) of {}", printable(name),
                              value.size(), printable(path)),
                  Errno{errno});
  if (errno == ENOSPC || errno == E2BIG) {
    return std::unexpected(std::move(failure).with_hint(
        "the disk is full, or the attributes of one file are too many for this file system (ext4 "
        "has room for about 4 KiB per file; btrfs and xfs have more)"));
  }
  return std::unexpected(std::move(failure));
}

Outcome<void> TreeWriter::write_acl(const std::string& path, int inode, const char* name,
                                    const PosixAcl& acl) {
  if (needs_names(acl)) {
    late_acls_.push_back({path, name, acl});
    return {};
  }
  return write_xattr(path, inode, name, encode_acl(acl));
}

Outcome<bool> TreeWriter::link(const std::string& path, const std::string& target) {
  if (path.empty() || target.empty()) {
    return failure("{} would be a hard link to a directory", printable(path));
  }
  // The directories of the target may be symlinks; its last name is the file itself.
  const auto from = walk(root_, layout_, target, LastSymlink::keep);
  if (!from && from.error() != Errno{ENOENT}) {
    return failure(from.error(), "cannot find {}, which {} is a hard link to", printable(target),
                   printable(path));
  }
  if (!from || !from->exists()) {
    return false;
  }
  const struct stat wanted =
      TRY(context(stat_of(from->inode.get()), "cannot look at " + printable(target)));
  if (S_ISDIR(wanted.st_mode)) {
    return failure("{} would be a hard link to the directory {}", printable(path),
                   printable(target));
  }
  const int parent = TRY(parent_of(path));
  const std::string name(last_component(path));
  if (const auto present = open_inode(parent, name.c_str())) {
    const struct stat info =
        TRY(context(stat_of(present->get()), "cannot look at " + printable(path)));
    if (info.st_dev == wanted.st_dev && info.st_ino == wanted.st_ino) {
      return true;
    }
    TRY(make_room(path, parent));
  }
  if (::linkat(from->parent.get(), from->name.c_str(), parent, name.c_str(), 0) != 0) {
    return failure(Errno{errno}, "cannot link {} to {}", printable(path), printable(target));
  }
  TRY(context(share_record(layout_, from->parent.get(), from->name, parent, name),
              "cannot record the owner of " + printable(path)));
  return true;
}

Outcome<void> TreeWriter::finish() {
  TRY(finish_root());
  TRY(finish_links());
  TRY(finish_acls());
  return finish_times();
}

Outcome<void> TreeWriter::finish_root() {
  if (has_root_) {
    return {};
  }
  mapped::Recorded record{.uid = 0, .gid = 0, .mode = S_IFDIR | 0755, .rdev = std::nullopt};
  if (layout_ == Layout::plain && ::geteuid() != 0) {
    record.uid.reset();
    record.gid.reset();
  }
  return context(write_record(layout_, {root_, "", root_}, record),
                 "cannot record the owner of the root");
}

Outcome<void> TreeWriter::finish_links() {
  // A late link may wait for another one, so go round as long as that helps.
  while (!late_links_.empty()) {
    std::vector<LateLink> still_late;
    for (LateLink& late : late_links_) {
      const bool is_done = TRY(link(late.path, late.target));
      if (!is_done) {
        still_late.push_back(std::move(late));
      }
    }
    if (still_late.size() == late_links_.size()) {
      return failure("{} is a hard link to {}, which is not in the archive",
                     printable(still_late.front().path), printable(still_late.front().target));
    }
    late_links_ = std::move(still_late);
  }
  return {};
}

Outcome<void> TreeWriter::finish_acls() {
  if (late_acls_.empty()) {
    return {};
  }
  const AccountNames names(root_, layout_);
  for (LateAcl& late : late_acls_) {
    for (AclEntry& entry : late.acl) {
      if (entry.name.empty()) {
        continue;
      }
      const auto id =
          entry.tag == AclEntry::Tag::user ? names.user(entry.name) : names.group(entry.name);
      if (!id) {
        return failure("the ACL of {} names '{}', which the archive's /etc/{} does not have",
                       printable(late.path), printable(entry.name),
                       entry.tag == AclEntry::Tag::user ? "passwd" : "group");
      }
      entry.id = *id;
      entry.name.clear();
    }
    const auto place = walk(root_, layout_, late.path, LastSymlink::keep);
    if (place && place->exists()) {
      TRY(write_xattr(late.path, place->inode.get(), late.xattr, encode_acl(late.acl)));
    }
  }
  return {};
}

Outcome<void> TreeWriter::finish_times() {
  // Setting a directory's time leaves its parent's alone, so any order will do; of several entries
  // for one directory the last one counts.
  for (const auto& [path, mtime] : directory_times_) {
    const auto parent = find_parent(parent_path(path));
    const std::string name = path.empty() ? "." : std::string(last_component(path));
    if (!parent) {
      continue;  // Replaced by a later entry.
    }
    const auto inode = open_inode(*parent, name.c_str());
    if (!inode) {
      continue;
    }
    const struct stat info =
        TRY(context(stat_of(inode->get()), "cannot look at " + printable(path)));
    if (!S_ISDIR(info.st_mode)) {
      continue;
    }
    const timespec times[2] = {{.tv_sec = 0, .tv_nsec = UTIME_OMIT}, mtime};
    if (::utimensat(AT_FDCWD, path_of(inode->get()).c_str(), times, 0) != 0) {
      return failure(Errno{errno}, "cannot set the time of {}", printable(path));
    }
  }
  return {};
}

}  // namespace nineroot::storage
