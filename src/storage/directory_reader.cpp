#include "storage/directory_reader.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/mapped_format.h"
#include "storage/descriptor.h"
#include "storage/directory_names.h"
#include "storage/entry_path.h"
#include "storage/inode_record.h"
#include "storage/tree_walk.h"
#include "storage/write_failure.h"

namespace nineroot::storage {
namespace {

/// Levels whose descriptors stay open; deeper trees open the upper ones again on the way back.
constexpr std::size_t kOpenLevels = 256;

/// What these hold is made up by the running kernel.
bool is_kernel_file_system(int fd) {
  struct statfs info{};
  if (::fstatfs(fd, &info) != 0) {
    return false;
  }
  constexpr std::array<std::int64_t, 8> kMagics = {
      PROC_SUPER_MAGIC,    SYSFS_MAGIC,      DEVPTS_SUPER_MAGIC, CGROUP_SUPER_MAGIC,
      CGROUP2_SUPER_MAGIC, SECURITYFS_MAGIC, DEBUGFS_MAGIC,      TRACEFS_MAGIC};
  return std::ranges::find(kMagics, static_cast<std::int64_t>(info.f_type)) != kMagics.end();
}

/// The name under which the guest knows a host xattr of this layout; nothing if it has none.
std::optional<std::string> guest_name(Layout layout, std::string_view host_name) {
  if (layout == Layout::mapped_xattr) {
    return mapped::guest_xattr_name(host_name);
  }
  if (host_name.starts_with(mapped::kXattrPrefix)) {
    return std::nullopt;
  }
  // system.* but ACLs, and security.selinux of the host's policy, are the host's own affair.
  const bool is_kept = host_name.starts_with("user.") || host_name == kAccessAclName ||
                       host_name == kDefaultAclName || host_name == "security.capability";
  return is_kept ? std::optional(std::string(host_name)) : std::nullopt;
}

Result<std::string> list_xattrs(const std::string& path) {
  std::string names(64U << 10U, '\0');  // XATTR_LIST_MAX
  const ssize_t size = ::listxattr(path.c_str(), names.data(), names.size());
  if (size < 0) {
    if (errno == EOPNOTSUPP || errno == EPERM) {
      return std::string();
    }
    return fail_errno();
  }
  names.resize(static_cast<std::size_t>(size));
  return names;
}

Result<std::string> get_xattr(const std::string& path, const std::string& name) {
  std::string value(64U << 10U, '\0');  // XATTR_SIZE_MAX
  const ssize_t size = ::getxattr(path.c_str(), name.c_str(), value.data(), value.size());
  if (size < 0) {
    return fail_errno();
  }
  value.resize(static_cast<std::size_t>(size));
  return value;
}

/// Copies [offset, end) by copy_file_range, or by hand where that cannot.
Result<void> copy_range(int from, int to, off_t offset, off_t end) {
  off_t target = offset;
  while (offset < end) {
    const ssize_t done =
        ::copy_file_range(from, &offset, to, &target, static_cast<std::size_t>(end - offset), 0);
    if (done > 0) {
      continue;
    }
    if (done == 0) {
      return {};  // It became shorter meanwhile.
    }
    if (errno == EINTR) {
      continue;
    }
    if (errno != EXDEV && errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL) {
      return fail_errno();
    }
    std::array<char, 128U << 10U> buffer;
    const auto room = std::min(static_cast<std::size_t>(end - offset), buffer.size());
    const ssize_t got = ::pread(from, buffer.data(), room, offset);
    if (got < 0) {
      return fail_errno();
    }
    if (got == 0) {
      return {};
    }
    TRY(write_at(to, buffer.data(), static_cast<std::size_t>(got), target));
    offset += got;
    target += got;
  }
  return {};
}

Result<void> copy_data(int from, int to, off_t size) {
  if (::ioctl(to, FICLONE, from) == 0) {
    return {};
  }
  off_t at = 0;
  while (at < size) {
    const off_t data = ::lseek(from, at, SEEK_DATA);
    if (data < 0) {
      if (errno == ENXIO) {
        break;  // Only a hole is left.
      }
      return fail_errno();
    }
    const off_t hole = ::lseek(from, data, SEEK_HOLE);
    if (hole < 0) {
      return fail_errno();
    }
    TRY(copy_range(from, to, data, std::min(hole, size)));
    at = hole;
  }
  if (::ftruncate(to, size) != 0) {
    return fail_errno();
  }
  return {};
}

}  // namespace

DirectoryReader::DirectoryReader(int root, Layout layout, std::string name, bool squashes_owner)
    : root_(root), layout_(layout), name_(std::move(name)), squashes_owner_(squashes_owner) {
}

Outcome<bool> DirectoryReader::next(Entry& entry) {
  entry = Entry();
  if (!has_begun_) {
    has_begun_ = true;
    file_ = TRY(context(duplicate(root_), "cannot read " + name_));
    entry.path = ".";
    TRY(fill(entry, root_, "", root_));
    UniqueFd root = TRY(context(duplicate(root_), "cannot read " + name_));
    TRY(enter("", std::move(root)));
    return true;
  }
  while (!levels_.empty() && levels_.back().names.empty()) {
    levels_.pop_back();
  }
  if (levels_.empty()) {
    return false;
  }
  const std::string name = std::move(levels_.back().names.back());
  levels_.back().names.pop_back();
  const int parent = TRY(level_fd());
  const std::string path = levels_.back().path + "/" + name;
  file_ = TRY(context(open_inode(parent, name.c_str()),
                      fmt::format("cannot read {}{}", name_, printable(path))));
  entry.path = path;
  present_ = path;
  TRY(fill(entry, parent, name, file_.get()));
  if (S_ISDIR(entry.mode) && !is_kernel_file_system(file_.get())) {
    UniqueFd directory = TRY(context(duplicate(file_.get()), "cannot read " + printable(path)));
    TRY(enter(path, std::move(directory)));
  }
  return true;
}

Outcome<void> DirectoryReader::enter(std::string path, UniqueFd fd) {
  auto names = directory_names(fd.get());
  if (!names) {
    return std::unexpected(
        Failure(fmt::format("cannot read {}{}", name_, printable(path)), names.error())
            .with_hint("copy it as the user who may read all of it, for example through "
                       "`tar -c ... | nineroot create NAME --from -`"));
  }
  std::erase_if(*names, [this](const auto& name) { return is_reserved_name(layout_, name); });
  std::ranges::sort(*names, std::greater<>());  // Taken from the back.
  if (levels_.size() > kOpenLevels) {
    levels_[levels_.size() - kOpenLevels].fd.reset();
  }
  levels_.push_back({std::move(path), std::move(fd), std::move(*names)});
  return {};
}

Outcome<int> DirectoryReader::level_fd() {
  Level& level = levels_.back();
  if (!level.fd.is_open()) {
    level.fd = TRY(context(open_canonical(root_, level.path),
                           fmt::format("cannot read {}{}", name_, printable(level.path))));
  }
  return level.fd.get();
}

Outcome<void> DirectoryReader::fill(Entry& entry, int parent, const std::string& name, int inode) {
  const std::string what = fmt::format("cannot read {}/{}", name_, printable(entry.path));
  struct stat info = TRY(context(stat_of(inode), what));
  const mapped::Recorded record = TRY(context(read_record(layout_, {parent, name, inode}), what));
  const struct stat host = info;
  apply_record(info, record);
  entry.mode = info.st_mode;
  if (name.empty()) {
    owner_ = host.st_uid;
  }
  const bool is_roots = squashes_owner_ && host.st_uid == owner_;
  entry.uid = is_roots && !record.uid ? 0 : info.st_uid;
  entry.gid = is_roots && !record.gid ? 0 : info.st_gid;
  entry.rdev = info.st_rdev;
  entry.size = static_cast<std::uint64_t>(info.st_size);
  entry.mtime = info.st_mtim;
  consumed_ += S_ISREG(info.st_mode) ? entry.size : 0;
  if (!S_ISDIR(info.st_mode) && host.st_nlink > 1) {
    const auto [first, is_new] = linked_.try_emplace({host.st_dev, host.st_ino}, entry.path);
    if (!is_new) {
      entry.is_hard_link = true;
      entry.target = first->second;
      return {};
    }
  }
  if (S_ISLNK(info.st_mode)) {
    entry.target = TRY(context(read_target(layout_, {parent, name, inode}, host), what));
  }
  return take_xattrs(entry, inode);
}

Outcome<void> DirectoryReader::take_xattrs(Entry& entry, int inode) const {
  if (S_ISLNK(entry.mode)) {
    return {};
  }
  const std::string what =
      fmt::format("cannot read the attributes of {}/{}", name_, printable(entry.path));
  const std::string path = path_of(inode);
  const std::string names = TRY(context(list_xattrs(path), what));
  for (std::size_t at = 0; at < names.size();) {
    const std::string host_name(names.c_str() + at);
    at += host_name.size() + 1;
    const auto name = guest_name(layout_, host_name);
    if (name) {
      std::string value = TRY(context(get_xattr(path, host_name), what));
      entry.xattrs.emplace_back(*name, std::move(value));
    }
  }
  return {};
}

Outcome<void> DirectoryReader::copy_content(int to) {
  const auto from = reopen(file_.get(), O_RDONLY | O_NONBLOCK);
  const std::string path = present_;
  if (!from) {
    return std::unexpected(
        Failure(fmt::format("cannot read {}{}", name_, printable(path)), from.error())
            .with_hint("copy it as the user who may read all of it, for example through "
                       "`tar -c ... | nineroot create NAME --from -`"));
  }
  const struct stat info =
      TRY(context(stat_of(from->get()), "cannot read " + name_ + printable(path)));
  const auto copied = copy_data(from->get(), to, info.st_size);
  if (!copied) {
    return std::unexpected(write_failure(copied.error(), path));
  }
  return {};
}

}  // namespace nineroot::storage
