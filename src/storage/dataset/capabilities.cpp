#include "storage/dataset/capabilities.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <vector>

#include "base/mapped_format.h"
#include "storage/dataset/btrfs.h"
#include "storage/descriptor.h"
#include "storage/file_system.h"
#include "storage/inode_record.h"
#include "storage/remove_tree.h"

namespace nineroot::storage {
namespace {

/// Data of a whole block: smaller things have none that could be shared.
constexpr std::size_t kProbeBytes = 128U << 10U;

/// A directory of the probe's own, gone with it.
class Scratch {
 public:
  static Result<Scratch> make(int parent, const std::string& path) {
    std::string name = path + "/.nineroot-probe-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) {
      return fail_errno();
    }
    UniqueFd fd(::open(name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd.is_open()) {
      return fail_errno();
    }
    return Scratch(parent, name.substr(path.size() + 1), std::move(fd));
  }

  Scratch(Scratch&& other) noexcept
      : parent_(other.parent_), name_(std::move(other.name_)), fd_(std::move(other.fd_)) {
    other.name_.clear();
  }

  Scratch& operator=(Scratch&&) = delete;

  ~Scratch() {
    if (!name_.empty()) {
      [[maybe_unused]] const auto removed = remove_tree(parent_, name_);
    }
  }

  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  Scratch(int parent, std::string name, UniqueFd fd)
      : parent_(parent), name_(std::move(name)), fd_(std::move(fd)) {}

  int parent_;
  std::string name_;
  UniqueFd fd_;
};

UniqueFd make_file(int directory, const char* name, std::size_t size) {
  UniqueFd file(::openat(directory, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  const std::string data(size, 'n');
  if (file.is_open() && !data.empty() && !write_all(file.get(), data)) {
    file.reset();
  }
  return file;
}

bool can_exchange(int directory) {
  return ::mkdirat(directory, "one", 0700) == 0 && ::mkdirat(directory, "two", 0700) == 0 &&
         ::renameat2(directory, "one", directory, "two", RENAME_EXCHANGE) == 0;
}

bool can_clone(int directory, const UniqueFd& from) {
  const UniqueFd to = make_file(directory, "clone", 0);
  return from.is_open() && to.is_open() && ::ioctl(to.get(), FICLONE, from.get()) == 0;
}

bool can_dedupe(int directory, const UniqueFd& from) {
  const UniqueFd to = make_file(directory, "equal", kProbeBytes);
  if (!from.is_open() || !to.is_open()) {
    return false;
  }
  // A range with one destination behind it.
  std::array<std::uint64_t, (sizeof(file_dedupe_range) + sizeof(file_dedupe_range_info)) / 8>
      memory{};
  auto* range = reinterpret_cast<file_dedupe_range*>(memory.data());
  range->src_length = kProbeBytes;
  range->dest_count = 1;
  range->info[0].dest_fd = to.get();
  return ::ioctl(from.get(), FIDEDUPERANGE, range) == 0 &&
         range->info[0].status == FILE_DEDUPE_RANGE_SAME;
}

void try_subvolumes(int directory, Capabilities& system) {
  if (!btrfs::create(directory, "subvolume")) {
    return;
  }
  const UniqueFd subvolume(
      ::openat(directory, "subvolume", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  system.has_subvolumes =
      subvolume.is_open() &&
      btrfs::snapshot(subvolume.get(), directory, "snapshot", btrfs::Access::read_only).has_value();
  // Whether the ioctl does it is seen where rmdir(2) could not.
  [[maybe_unused]] const UniqueFd file = make_file(subvolume.get(), "file", 1);
  system.removes_subvolumes = btrfs::remove_at_once(directory, "subvolume").has_value();
  [[maybe_unused]] const auto removed = btrfs::remove(directory, "snapshot");
  [[maybe_unused]] const auto gone = btrfs::remove(directory, "subvolume");
}

/// An empty file with an owner and a mode takes no block, unless its records are in one.
void try_xattrs(int directory, Capabilities& system) {
  const UniqueFd file = make_file(directory, "records", 0);
  const mapped::Recorded record{.uid = 1, .gid = 2, .mode = S_IFREG | 0644, .rdev = {}};
  system.has_xattrs =
      file.is_open() &&
      write_record(Layout::mapped_xattr, {directory, "records", file.get()}, record).has_value();
  const Result<struct stat> info = stat_of(file.get());
  system.has_room_in_inodes = !system.has_xattrs || !info || info->st_blocks == 0;
}

}  // namespace

std::string_view Capabilities::driver() const {
  if (has_subvolumes) {
    return "btrfs";
  }
  if (has_ceph_snapshots) {
    return "ceph";
  }
  return has_reflinks ? "reflink" : "copy";
}

std::vector<std::string> Capabilities::warnings() const {
  std::vector<std::string> result;
  if (!has_xattrs) {
    result.emplace_back(
        "no user extended attributes: machines need --identity mapped-file here, or another file "
        "system");
  }
  if (!has_room_in_inodes) {
    result.emplace_back(
        "owners and modes do not fit into the inodes: each file takes a block more; make an ext4 "
        "with mkfs.ext4 -I 512");
  }
  if (has_subvolumes && !removes_subvolumes) {
    result.emplace_back(
        "subvolumes are removed file by file: mount with user_subvol_rm_allowed to have it done at "
        "once");
  }
  if (driver() == "copy") {
    result.emplace_back(
        "snapshots and clones are full copies here: use btrfs, or XFS, whose copies share their "
        "data");
  }
  return result;
}

Outcome<Capabilities> probe_capabilities(const std::string& path) {
  const UniqueFd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  struct statfs facts{};
  if (!directory.is_open() || ::fstatfs(directory.get(), &facts) != 0) {
    return std::unexpected(Failure(fmt::format("cannot look at {}", path), Errno{errno})
                               .with_hint("give a directory that exists and that you may read"));
  }
  Capabilities system{.type = file_system_type(directory.get())};
  system.total_bytes = facts.f_blocks * static_cast<std::uint64_t>(facts.f_bsize);
  system.free_bytes = facts.f_bavail * static_cast<std::uint64_t>(facts.f_bsize);
  const Result<Scratch> scratch = Scratch::make(directory.get(), path);
  if (!scratch) {
    return std::unexpected(
        Failure(fmt::format("cannot try what the file system of {} can do", path), scratch.error())
            .with_hint("give a directory that you may write to"));
  }
  const UniqueFd data = make_file(scratch->fd(), "data", kProbeBytes);
  system.has_exchange = can_exchange(scratch->fd());
  system.has_reflinks = can_clone(scratch->fd(), data);
  system.has_dedupe = can_dedupe(scratch->fd(), data);
  system.has_ceph_snapshots = ::faccessat(scratch->fd(), ".snap", F_OK, 0) == 0;
  try_subvolumes(scratch->fd(), system);
  try_xattrs(scratch->fd(), system);
  return system;
}

}  // namespace nineroot::storage
