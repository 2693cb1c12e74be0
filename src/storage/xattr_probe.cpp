#include "storage/xattr_probe.h"

#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/mapped_format.h"
#include "base/unique_fd.h"
#include "storage/descriptor.h"
#include "storage/inode_record.h"

namespace nineroot::storage {
namespace {

constexpr const char* kFile = ".nineroot-probe-file";
constexpr const char* kDirectory = ".nineroot-probe-directory";

/// A small ACL and a capability come on top of the four fields; what no system could do without.
constexpr std::size_t kExtraBytes = 128;

Result<void> try_inode(int parent, const std::string& name, int inode, std::uint32_t mode) {
  const mapped::Recorded wanted{
      .uid = 0xfffffffeU, .gid = 42, .mode = mode, .rdev = 0x1234567812345678U};
  const NamedInode at{parent, name, inode};
  TRY(write_record(Layout::mapped_xattr, at, wanted));
  const mapped::Recorded found = TRY(read_record(Layout::mapped_xattr, at));
  if (found != wanted) {
    return fail(EIO);
  }
  const std::string extra(kExtraBytes, 'x');
  if (::setxattr(path_of(inode).c_str(), "user.virtfs.system.posix_acl_access", extra.data(),
                 extra.size(), 0) != 0) {
    return fail_errno();
  }
  return {};
}

Result<void> try_both(int directory) {
  const UniqueFd file(::openat(directory, kFile, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  if (!file.is_open() || (::mkdirat(directory, kDirectory, 0700) != 0 && errno != EEXIST)) {
    return fail_errno();
  }
  TRY(try_inode(directory, kFile, file.get(), S_IFREG | 0644));
  const UniqueFd inner = TRY(open_inode(directory, kDirectory));
  return try_inode(directory, kDirectory, inner.get(), S_IFDIR | 0755);
}

}  // namespace

Outcome<void> probe_layout(int directory, const std::string& path, Layout layout) {
  if (layout != Layout::mapped_xattr) {
    return {};
  }
  const Result<void> tried = try_both(directory);
  ::unlinkat(directory, kFile, 0);
  ::unlinkat(directory, kDirectory, AT_REMOVEDIR);
  if (tried) {
    return {};
  }
  const int error = code(tried.error());
  if (error == EOPNOTSUPP || error == EPERM || error == EIO) {
    return std::unexpected(
        Failure(fmt::format("the file system of {} keeps no user extended attributes", path),
                tried.error())
            .with_hint("keep machines on ext4, btrfs, xfs or another file system with user.* "
                       "attributes, by setting NINEROOT_HOME, or use --identity mapped-file"));
  }
  return failure(tried.error(), "cannot write to {}", path);
}

}  // namespace nineroot::storage
