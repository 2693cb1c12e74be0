#include "storage/inode_record.h"

#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <optional>

#include "storage/descriptor.h"

namespace nineroot::storage {
namespace {

/// Room for any field and one byte more, so that a value too long is seen as such.
using Value = std::array<std::byte, 9>;

/// An absent field has no bytes.  A file system without xattrs records nothing.
Result<std::span<const std::byte>> get_field(const std::string& path, const char* name,
                                             Value& room) {
  const ssize_t size = ::getxattr(path.c_str(), name, room.data(), room.size());
  if (size >= 0) {
    return std::span<const std::byte>(room).first(static_cast<std::size_t>(size));
  }
  // ERANGE: longer than any field, so it counts as absent; EPERM: a symlink or special file.
  if (errno == ENODATA || errno == EOPNOTSUPP || errno == ERANGE || errno == EPERM) {
    return std::span<const std::byte>();
  }
  return fail_errno();
}

Result<mapped::Recorded> read_xattrs(int inode) {
  const std::string path = path_of(inode);
  mapped::Recorded record;
  Value room;
  const auto mode = TRY(get_field(path, mapped::kXattrMode, room));
  record.mode = mapped::decode_u32(mode);
  const auto uid = TRY(get_field(path, mapped::kXattrUid, room));
  record.uid = mapped::decode_u32(uid);
  const auto gid = TRY(get_field(path, mapped::kXattrGid, room));
  record.gid = mapped::decode_u32(gid);
  const auto rdev = TRY(get_field(path, mapped::kXattrRdev, room));
  record.rdev = mapped::decode_u64(rdev);
  return record;
}

Result<void> set_field(const std::string& path, const char* name,
                       std::span<const std::byte> bytes) {
  if (::setxattr(path.c_str(), name, bytes.data(), bytes.size(), 0) != 0) {
    return fail_errno();
  }
  return {};
}

Result<void> write_xattrs(int inode, const mapped::Recorded& record) {
  const std::string path = path_of(inode);
  if (record.uid) {
    TRY(set_field(path, mapped::kXattrUid, mapped::encode_u32(*record.uid)));
  }
  if (record.gid) {
    TRY(set_field(path, mapped::kXattrGid, mapped::encode_u32(*record.gid)));
  }
  if (record.mode) {
    TRY(set_field(path, mapped::kXattrMode, mapped::encode_u32(*record.mode)));
  }
  if (record.rdev) {
    TRY(set_field(path, mapped::kXattrRdev, mapped::encode_u64(*record.rdev)));
  }
  return {};
}

/// The directory of the metadata files of `parent`, made when missing if `create`.
Result<UniqueFd> open_metadata_dir(int parent, bool create) {
  const std::string name(mapped::kMetadataDir);
  if (create && ::mkdirat(parent, name.c_str(), mapped::kHostDirMode) != 0 && errno != EEXIST) {
    return fail_errno();
  }
  const int fd = ::openat(parent, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) {
    return fail_errno();
  }
  return UniqueFd(fd);
}

Result<UniqueFd> open_metadata(int parent, const std::string& name, int flags) {
  int directory = parent;
  std::string file = name;
  UniqueFd metadata_dir;
  if (name.empty()) {
    file = mapped::kMetadataRoot;
  } else {
    metadata_dir = TRY(open_metadata_dir(parent, (flags & O_CREAT) != 0));
    directory = metadata_dir.get();
  }
  const int fd = ::openat(directory, file.c_str(), flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
                          mapped::kHostFileMode);
  if (fd < 0) {
    return fail_errno();
  }
  return UniqueFd(fd);
}

Result<mapped::Recorded> read_metadata(const NamedInode& at) {
  auto file = open_metadata(at.parent, at.name, O_RDONLY);
  if (!file) {
    const int error = code(file.error());
    if (error == ENOENT || error == ENOTDIR || error == ENAMETOOLONG) {
      return mapped::Recorded{};
    }
    return std::unexpected(file.error());
  }
  constexpr std::size_t kLargest = 64U << 10U;
  const std::string text = TRY(read_all(file->get(), kLargest));
  return mapped::decode_metadata(text);
}

Result<void> write_metadata(const NamedInode& at, const mapped::Recorded& record) {
  mapped::Recorded whole = TRY(read_metadata(at));
  whole.uid = record.uid ? record.uid : whole.uid;
  whole.gid = record.gid ? record.gid : whole.gid;
  whole.mode = record.mode ? record.mode : whole.mode;
  whole.rdev = record.rdev ? record.rdev : whole.rdev;
  const UniqueFd file = TRY(open_metadata(at.parent, at.name, O_WRONLY | O_CREAT));
  const std::string text = mapped::encode_metadata(whole);
  TRY(write_all(file.get(), text));
  if (::ftruncate(file.get(), static_cast<off_t>(text.size())) != 0) {
    return fail_errno();
  }
  return {};
}

Result<void> write_host(const NamedInode& at, const mapped::Recorded& record) {
  struct stat info = TRY(stat_of(at.inode));
  const uid_t uid = record.uid.value_or(info.st_uid);
  const gid_t gid = record.gid.value_or(info.st_gid);
  if ((uid != info.st_uid || gid != info.st_gid) &&
      ::fchownat(at.inode, "", uid, gid, AT_EMPTY_PATH) != 0) {
    return fail_errno();
  }
  // After the chown, which clears set-id bits.
  if (record.mode && !S_ISLNK(info.st_mode) &&
      ::chmod(path_of(at.inode).c_str(), *record.mode & 07777U) != 0) {
    return fail_errno();
  }
  return {};
}

}  // namespace

bool is_reserved_name(Layout layout, std::string_view name) {
  return layout == Layout::mapped_file &&
         (name == mapped::kMetadataDir || name == mapped::kMetadataRoot);
}

Result<mapped::Recorded> read_record(Layout layout, const NamedInode& at) {
  switch (layout) {
    case Layout::mapped_xattr:
      return read_xattrs(at.inode);
    case Layout::mapped_file:
      return read_metadata(at);
    case Layout::plain:
      break;
  }
  return mapped::Recorded{};
}

Result<void> write_record(Layout layout, const NamedInode& at, const mapped::Recorded& record) {
  switch (layout) {
    case Layout::mapped_xattr:
      return write_xattrs(at.inode, record);
    case Layout::mapped_file:
      return write_metadata(at, record);
    case Layout::plain:
      break;
  }
  return write_host(at, record);
}

Result<void> forget_record(Layout layout, int parent, const std::string& name) {
  if (layout != Layout::mapped_file) {
    return {};
  }
  const auto directory = open_metadata_dir(parent, false);
  if (!directory) {
    if (directory.error() == Errno{ENOENT}) {
      return {};
    }
    return std::unexpected(directory.error());
  }
  if (::unlinkat(directory->get(), name.c_str(), 0) != 0 && errno != ENOENT) {
    return fail_errno();
  }
  return {};
}

Result<void> share_record(Layout layout, int parent, const std::string& name, int new_parent,
                          const std::string& new_name) {
  if (layout != Layout::mapped_file) {
    return {};
  }
  const UniqueFd from = TRY(open_metadata_dir(parent, true));
  const UniqueFd to = TRY(open_metadata_dir(new_parent, true));
  if (::linkat(from.get(), name.c_str(), to.get(), new_name.c_str(), 0) != 0 && errno != ENOENT) {
    return fail_errno();
  }
  return {};
}

void apply_record(struct stat& info, const mapped::Recorded& record) {
  info.st_mode = mapped::effective_mode(info.st_mode, record.mode);
  info.st_uid = record.uid.value_or(info.st_uid);
  info.st_gid = record.gid.value_or(info.st_gid);
  info.st_rdev = record.rdev.value_or(info.st_rdev);
}

}  // namespace nineroot::storage
