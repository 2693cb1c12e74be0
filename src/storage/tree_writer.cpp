#include "storage/tree_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include "storage/descriptor.h"
#include "storage/entry_path.h"
#include "storage/make_directories.h"
#include "storage/tree_walk.h"
#include "storage/write_failure.h"

namespace nineroot::storage {
namespace {

constexpr std::uint64_t kLargestId = 0xfffffffeU;  // 2^32-1 means "no id" to the kernel.
constexpr std::size_t kMostWarnings = 20;

bool is_special(std::uint32_t mode) {
  return S_ISCHR(mode) || S_ISBLK(mode) || S_ISFIFO(mode) || S_ISSOCK(mode);
}

Outcome<void> check(const std::string& path, const Entry& entry) {
  if (entry.uid > kLargestId || entry.gid > kLargestId) {
    return failure("{} has an owner {}:{} that cannot be", printable(path), entry.uid, entry.gid);
  }
  const bool is_known =
      S_ISREG(entry.mode) || S_ISDIR(entry.mode) || S_ISLNK(entry.mode) || is_special(entry.mode);
  if (!is_known) {
    return failure("{} is of a kind that no file system has", printable(path));
  }
  if (S_ISLNK(entry.mode) && (entry.target.empty() || entry.target.size() > kLongestTarget)) {
    return failure("the symlink {} has an empty or too long target", printable(path));
  }
  return {};
}

}  // namespace

Outcome<void> TreeWriter::add(const Entry& entry, EntrySource& source) {
  const std::string path = TRY(clean_path(entry.path));
  ++entries_;
  for (std::string_view rest = path; !rest.empty(); rest = parent_path(rest)) {
    if (is_reserved_name(layout_, last_component(rest))) {
      return failure("{} is a name that this layout keeps for itself", printable(path));
    }
  }
  if (entry.is_hard_link) {
    const std::string target = TRY(clean_path(entry.target));
    const bool is_done = TRY(link(path, target));
    if (!is_done) {
      late_links_.push_back({path, target});
    }
    return {};
  }
  TRY(check(path, entry));
  if (path.empty()) {
    return write_root(entry);
  }
  const int parent = TRY(parent_of(path));
  if (S_ISDIR(entry.mode)) {
    return write_directory(path, parent, entry);
  }
  if (layout_ == Layout::plain && !S_ISREG(entry.mode)) {
    return write_plain_special(path, parent, entry);
  }
  return write_file(path, parent, entry, source);
}

Outcome<int> TreeWriter::parent_of(const std::string& path) {
  const std::string_view wanted = parent_path(path);
  auto parent = find_parent(wanted);
  if (!parent && parent.error() == Errno{ENOENT}) {
    const auto made = make_directories(root_, layout_, wanted, {.mode = 0755});
    if (!made) {
      return std::unexpected(write_failure(made.error(), wanted));
    }
    parent = find_parent(wanted);
  }
  if (!parent) {
    return std::unexpected(write_failure(parent.error(), path));
  }
  return *parent;
}

Result<int> TreeWriter::find_parent(std::string_view wanted) {
  const bool is_known = parent_.is_open() && !is_parent_stale_;
  if (is_known && wanted == parent_path_) {
    return parent_.get();
  }
  // Most often the next directory lies in the last one, and no symlink is on the way there.
  if (is_known && !parent_path_.empty() && wanted.starts_with(parent_path_ + "/")) {
    auto below = open_canonical(parent_.get(), wanted.substr(parent_path_.size()));
    if (below) {
      parent_ = std::move(*below);
      parent_path_ = wanted;
      return parent_.get();
    }
  }
  Place place = TRY(walk(root_, layout_, wanted, LastSymlink::follow));
  if (!place.exists()) {
    return fail(ENOENT);
  }
  const struct stat info = TRY(stat_of(place.inode.get()));
  if (!S_ISDIR(info.st_mode)) {
    return fail(ENOTDIR);
  }
  parent_ = std::move(place.inode);
  parent_path_ = wanted;
  is_parent_stale_ = false;
  return parent_.get();
}

Outcome<void> TreeWriter::write_root(const Entry& entry) {
  if (!S_ISDIR(entry.mode)) {
    return failure("the archive's root is not a directory");
  }
  has_root_ = true;
  directory_times_.emplace_back("", entry.mtime);
  return describe_inode("", root_, "", root_, entry);
}

Outcome<void> TreeWriter::write_directory(const std::string& path, int parent, const Entry& entry) {
  const std::string name(last_component(path));
  if (::mkdirat(parent, name.c_str(), mapped::kHostDirMode) != 0) {
    if (errno != EEXIST) {
      return std::unexpected(write_failure(Errno{errno}, path));
    }
    const UniqueFd present =
        TRY(context(open_inode(parent, name.c_str()), "cannot look at " + printable(path)));
    const struct stat info =
        TRY(context(stat_of(present.get()), "cannot look at " + printable(path)));
    if (!S_ISDIR(info.st_mode)) {
      const bool is_kept = TRY(leads_to_directory(path));
      if (is_kept) {
        return {};
      }
      TRY(make_room(path, parent));
      if (::mkdirat(parent, name.c_str(), mapped::kHostDirMode) != 0) {
        return std::unexpected(write_failure(Errno{errno}, path));
      }
    }
  }
  const UniqueFd inode =
      TRY(context(open_inode(parent, name.c_str()), "cannot look at " + printable(path)));
  directory_times_.emplace_back(path, entry.mtime);
  return describe_inode(path, parent, name, inode.get(), entry);
}

Outcome<bool> TreeWriter::leads_to_directory(const std::string& path) const {
  const auto place = walk(root_, layout_, path, LastSymlink::follow);
  if (!place || !place->exists()) {
    return false;
  }
  const struct stat info =
      TRY(context(stat_of(place->inode.get()), "cannot look at " + printable(path)));
  return S_ISDIR(info.st_mode);
}

Outcome<UniqueFd> TreeWriter::create(const std::string& path, int parent) {
  const std::string name(last_component(path));
  constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  int fd = ::openat(parent, name.c_str(), kFlags, mapped::kHostFileMode);
  if (fd < 0 && errno == EEXIST) {
    TRY(make_room(path, parent));
    fd = ::openat(parent, name.c_str(), kFlags, mapped::kHostFileMode);
  }
  if (fd < 0) {
    return std::unexpected(write_failure(Errno{errno}, path));
  }
  return UniqueFd(fd);
}

Outcome<void> TreeWriter::make_room(const std::string& path, int parent) {
  const std::string name(last_component(path));
  is_parent_stale_ = true;  // It may be what is replaced, or lie behind it.
  TRY(context(forget_record(layout_, parent, name), "cannot replace " + printable(path)));
  if (::unlinkat(parent, name.c_str(), 0) == 0) {
    return {};
  }
  if (errno == EISDIR || errno == EPERM) {
    if (layout_ == Layout::mapped_file) {
      const std::string metadata = name + "/" + std::string(mapped::kMetadataDir);
      ::unlinkat(parent, metadata.c_str(), AT_REMOVEDIR);
    }
    if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0) {
      return {};
    }
    if (errno == ENOTEMPTY || errno == EEXIST) {
      return failure("{} is first a directory with files in it and then something else",
                     printable(path));
    }
  }
  return failure(Errno{errno}, "cannot replace {}", printable(path));
}

Outcome<void> TreeWriter::write_file(const std::string& path, int parent, const Entry& entry,
                                     EntrySource& source) {
  const UniqueFd file = TRY(create(path, parent));
  if (S_ISREG(entry.mode)) {
    TRY(source.copy_content(file.get()));
  } else if (S_ISLNK(entry.mode)) {
    const auto written = write_all(file.get(), entry.target);
    if (!written) {
      return std::unexpected(write_failure(written.error(), path));
    }
  }
  TRY(describe_inode(path, parent, std::string(last_component(path)), file.get(), entry));
  const timespec times[2] = {{.tv_sec = 0, .tv_nsec = UTIME_OMIT}, entry.mtime};
  if (::futimens(file.get(), times) != 0) {
    return failure(Errno{errno}, "cannot set the time of {}", printable(path));
  }
  return {};
}

Outcome<void> TreeWriter::write_plain_special(const std::string& path, int parent,
                                              const Entry& entry) {
  const std::string name(last_component(path));
  const auto make = [&] {
    return S_ISLNK(entry.mode)
               ? ::symlinkat(entry.target.c_str(), parent, name.c_str())
               : ::mknodat(parent, name.c_str(), (entry.mode & S_IFMT) | 0600U, entry.rdev);
  };
  int made = make();
  if (made != 0 && errno == EEXIST) {
    TRY(make_room(path, parent));
    made = make();
  }
  if (made != 0) {
    return std::unexpected(write_failure(Errno{errno}, path)
                               .with_hint("a plain tree has real owners and devices, which need "
                                          "root; use the mapped layout"));
  }
  const UniqueFd inode =
      TRY(context(open_inode(parent, name.c_str()), "cannot look at " + printable(path)));
  TRY(describe_inode(path, parent, name, inode.get(), entry));
  const timespec times[2] = {{.tv_sec = 0, .tv_nsec = UTIME_OMIT}, entry.mtime};
  if (::utimensat(parent, name.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0) {
    return failure(Errno{errno}, "cannot set the time of {}", printable(path));
  }
  return {};
}

Outcome<void> TreeWriter::describe_inode(const std::string& path, int parent,
                                         const std::string& name, int inode, const Entry& entry) {
  TRY(write_xattrs(path, inode, entry));
  // Libarchive leaves the owning group's bits in the mode where the kernel has the mask's.
  const std::uint32_t mode =
      entry.access_acl ? mode_with_acl(entry.mode, *entry.access_acl) : entry.mode;
  mapped::Recorded record{.uid = static_cast<std::uint32_t>(entry.uid),
                          .gid = static_cast<std::uint32_t>(entry.gid),
                          .mode = S_ISLNK(mode) ? (S_IFLNK | 0777U) : mode,
                          .rdev = std::nullopt};
  if (is_special(mode)) {
    record.rdev = S_ISCHR(mode) || S_ISBLK(mode) ? entry.rdev : 0;
  }
  const auto written = write_record(layout_, {parent, name, inode}, record);
  if (!written) {
    return std::unexpected(write_failure(written.error(), path)
                               .within("cannot record the owner of " + printable(path)));
  }
  return {};
}

void TreeWriter::warn(std::string text) {
  if (warnings_.size() < kMostWarnings) {
    warnings_.push_back(std::move(text));
  }
}

}  // namespace nineroot::storage
