// The editing half of GuestTree: what appears in the tree is made under a temporary name and
// renamed, so that a guest or an interrupted tool never sees half a file.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>

#include <fmt/format.h>

#include "storage/descriptor.h"
#include "storage/guest_tree.h"
#include "storage/make_directories.h"
#include "storage/tree_walk.h"

namespace nineroot::storage {
namespace {

/// Unlinks the temporary name unless it was renamed away.
class TemporaryName {
 public:
  explicit TemporaryName(int directory)
      : directory_(directory), name_(fmt::format(".nineroot-edit-{}", ::getpid())) {
    ::unlinkat(directory_, name_.c_str(), 0);  // Of a tool that died with our process id.
  }

  ~TemporaryName() {
    if (!name_.empty()) {
      ::unlinkat(directory_, name_.c_str(), 0);
    }
  }

  TemporaryName(const TemporaryName&) = delete;
  TemporaryName& operator=(const TemporaryName&) = delete;

  [[nodiscard]] const std::string& get() const { return name_; }

  Result<void> rename_to(const std::string& name) {
    if (::renameat(directory_, name_.c_str(), directory_, name.c_str()) != 0) {
      return fail_errno();
    }
    name_.clear();
    return {};
  }

 private:
  int directory_;
  std::string name_;
};

/// Moves the finished temporary over `place` and records `record` there.
Result<void> put(Layout layout, const Place& place, TemporaryName& temporary,
                 const mapped::Recorded& record) {
  const UniqueFd inode = TRY(open_inode(place.parent.get(), temporary.get().c_str()));
  if (layout != Layout::mapped_file) {
    TRY(write_record(layout, {place.parent.get(), temporary.get(), inode.get()}, record));
    return temporary.rename_to(place.name);
  }
  // The record belongs to the name; a shared one must not be changed for the file's other names.
  TRY(forget_record(layout, place.parent.get(), place.name));
  TRY(write_record(layout, {place.parent.get(), place.name, inode.get()}, record));
  return temporary.rename_to(place.name);
}

/// The owner that an ordinary user's plain tree can have is his own.
mapped::Recorded record_for(Layout layout, std::uint32_t type, const Ownership& ownership,
                            bool is_explicit) {
  mapped::Recorded record{.uid = ownership.uid,
                          .gid = ownership.gid,
                          .mode = type | (ownership.mode & 07777U),
                          .rdev = std::nullopt};
  if (layout == Layout::plain && !is_explicit && ::geteuid() != 0) {
    record.uid.reset();
    record.gid.reset();
  }
  return record;
}

Result<UniqueFd> create_file(int directory, const std::string& name) {
  const int fd =
      ::openat(directory, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
               mapped::kHostFileMode);
  if (fd < 0) {
    return fail_errno();
  }
  return UniqueFd(fd);
}

Result<void> refuse_directory(const Place& place) {
  if (place.is_root()) {
    return fail(EISDIR);
  }
  if (place.exists()) {
    const struct stat info = TRY(stat_of(place.inode.get()));
    if (S_ISDIR(info.st_mode)) {
      return fail(EISDIR);
    }
  }
  if (place.name.size() > kLongestName) {
    return fail(ENAMETOOLONG);
  }
  return {};
}

/// The existing inode's owner and mode, else root's.
Result<Ownership> ownership_at(Layout layout, const Place& place) {
  Ownership ownership;
  if (place.exists()) {
    struct stat info = TRY(stat_of(place.inode.get()));
    const mapped::Recorded record = TRY(read_record(layout, place.named()));
    apply_record(info, record);
    if (S_ISREG(info.st_mode)) {
      ownership = {.mode = info.st_mode & 07777U, .uid = info.st_uid, .gid = info.st_gid};
    }
  }
  return ownership;
}

}  // namespace

Result<void> GuestTree::write_file(std::string_view path, std::string_view content,
                                   std::optional<Ownership> ownership) const {
  const Place place = TRY(walk(root_.get(), layout_, path, LastSymlink::follow));
  TRY(refuse_directory(place));
  if (is_reserved_name(layout_, place.name)) {
    return fail(EINVAL);
  }
  const Ownership present = TRY(ownership_at(layout_, place));
  TemporaryName temporary(place.parent.get());
  const UniqueFd file = TRY(create_file(place.parent.get(), temporary.get()));
  TRY(write_all(file.get(), content));
  const mapped::Recorded record =
      record_for(layout_, S_IFREG, ownership.value_or(present), ownership.has_value());
  return put(layout_, place, temporary, record);
}

Result<void> GuestTree::write_symlink(std::string_view path, std::string_view target) const {
  if (target.empty() || target.size() > kLongestTarget ||
      target.find('\0') != std::string_view::npos) {
    return fail(target.size() > kLongestTarget ? ENAMETOOLONG : EINVAL);
  }
  const Place place = TRY(walk(root_.get(), layout_, path, LastSymlink::keep));
  TRY(refuse_directory(place));
  if (is_reserved_name(layout_, place.name)) {
    return fail(EINVAL);
  }
  TemporaryName temporary(place.parent.get());
  if (layout_ == Layout::plain) {
    if (::symlinkat(std::string(target).c_str(), place.parent.get(), temporary.get().c_str()) !=
        0) {
      return fail_errno();
    }
  } else {
    const UniqueFd file = TRY(create_file(place.parent.get(), temporary.get()));
    TRY(write_all(file.get(), target));
  }
  const mapped::Recorded record = record_for(layout_, S_IFLNK, {.mode = 0777}, false);
  return put(layout_, place, temporary, record);
}

Result<void> GuestTree::make_directories(std::string_view path, Ownership ownership) const {
  return storage::make_directories(root_.get(), layout_, path, ownership);
}

Result<void> GuestTree::remove_file(std::string_view path) const {
  const Result<Place> place = walk(root_.get(), layout_, path, LastSymlink::keep);
  if (!place) {
    if (place.error() == Errno{ENOENT}) {
      return {};
    }
    return std::unexpected(place.error());
  }
  TRY(refuse_directory(*place));
  if (!place->exists()) {
    return {};
  }
  TRY(forget_record(layout_, place->parent.get(), place->name));
  if (::unlinkat(place->parent.get(), place->name.c_str(), 0) != 0 && errno != ENOENT) {
    return fail_errno();
  }
  return {};
}

}  // namespace nineroot::storage
