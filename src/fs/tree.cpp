// Tree: opening an export, looking up, file systems.
#include "fs/tree.h"

#include <fcntl.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "fs/in_place.h"
#include "fs/sys.h"

namespace nineroot::fs {
namespace {

/// Inodes kept though no fid stands for them: more than a guest walks through in a moment.
constexpr std::size_t kMaxIdle = 1024;

/// More file systems than this in one tree are synced by whoever mounted them.
constexpr std::size_t kMaxSyncedDevices = 64;

constexpr const char* kProbe = "user.virtfs.probe";

/// Whether a change always gives an inode another ctime than the one last seen (multigrain time
/// stamps, since Linux 6.13 on the usual file systems).  Elsewhere the clock for them ticks every 1
/// to 10 ms, and not between the two changes of each of these pairs.
bool has_fine_ctime(int fd) {
  constexpr std::uint32_t kPairs = 8;
  const auto change = [&](std::uint32_t value) -> Result<statx_timestamp> {
    TRY(sys::set_xattr(fd, kProbe, mapped::encode_u32(value), 0));
    const struct statx stat = TRY(sys::stat(fd));
    return stat.stx_ctime;
  };
  for (std::uint32_t i = 0; i < kPairs; ++i) {
    const auto first = change(2 * i);
    const auto second = change(2 * i + 1);
    if (!first || !second ||
        (first->tv_sec == second->tv_sec && first->tv_nsec == second->tv_nsec)) {
      return false;
    }
  }
  return true;
}

/// Sets and removes an xattr on the root, as every request will.  Gives has_fine_ctime().
Outcome<bool> probe_xattrs(int fd) {
  auto set = sys::set_xattr(fd, kProbe, mapped::encode_u32(0), 0);
  const bool is_fine = set && has_fine_ctime(fd);
  if (set) {
    set = sys::remove_xattr(fd, kProbe);
  }
  if (!set) {
    return std::unexpected(
        Failure("the file system of the export cannot keep user xattrs", set.error())
            .with_hint("put the tree on ext4, xfs, btrfs or zfs, in a directory that you own, or "
                       "say --identity mapped-file"));
  }
  return is_fine;
}

}  // namespace

Tree::Tree(TreeOptions options, std::uint64_t root_device)
    : options_(std::move(options)),
      identity_(make_identity(options_.identity)),
      budget_(options_.fd_limit, options_.fd_slack),
      table_(budget_, options_.close_later),
      numbers_(root_device, options_.multidevs) {
  table_.on_idle = options_.on_idle;
  table_.closes_at_once = options_.fast_paths.closes_at_once;
  table_.max_idle = options_.fast_paths.keeps_inodes ? kMaxIdle : 0;
  table_.holds_readable = options_.fast_paths.holds_readable && identity_->is_recorded_in_inode();
  if (identity_->needs_place()) {
    table_.on_forget = [this](const InodeId& id) { identity_->forget(id); };
  }
}

Outcome<std::unique_ptr<Tree>> Tree::open(UniqueFd root, TreeOptions options) {
  TRY(context(sys::work_in_fd_directory(), "cannot use /proc/self/fd"));
  const struct statx stat = TRY(context(sys::stat(root.get()), "cannot stat the export"));
  if (!S_ISDIR(stat.stx_mode)) {
    return failure(Errno{ENOTDIR}, "the export is not a directory");
  }
  bool has_fine_ctimes = false;
  if (options.identity == IdentityKind::mapped_xattr && !options.is_read_only) {
    has_fine_ctimes = TRY(probe_xattrs(root.get())) && options.fast_paths.trusts_fine_ctime;
  }
  std::unique_ptr<Tree> tree(new Tree(std::move(options), id_of(stat).device));
  UniqueFd path_fd = TRY(context(sys::reopen(root.get(), O_PATH), "cannot open the export"));
  tree->root_ =
      TRY(context(tree->table_.make_root(std::move(path_fd), stat), "cannot open the export"));
  tree->has_fine_ctimes_ = has_fine_ctimes;
  tree->owner_uid_ = stat.stx_uid;
  tree->owner_gid_ = stat.stx_gid;
  tree->note_device(tree->root_, root.get());
  TRY(tree->find_data_sets(root.get()));
  return tree;
}

Outcome<void> Tree::find_data_sets(int root) {
  for (const std::string& path : options_.data_sets) {
    const Result<UniqueFd> directory = sys::open_beneath(root, path.c_str(), O_PATH | O_DIRECTORY);
    if (!directory) {
      return std::unexpected(
          Failure(fmt::format("the data set /{} is not there", path), directory.error())
              .with_hint("a directory on its way was moved or replaced: move it back"));
    }
    const struct statx stat = TRY(context(sys::stat(directory->get()), "cannot stat /" + path));
    data_sets_.push_back(id_of(stat));
  }
  return {};
}

Result<void> Tree::check_is_no_data_set(const InodeId& id) const {
  return std::ranges::find(data_sets_, id) == data_sets_.end() ? Result<void>{} : fail(EBUSY);
}

void Tree::note_device(const NodeRef& node, int fd) {
  if (!S_ISDIR(node->host_type()) ||
      (root_ && node->id().device == root_->id().device && node->id() != root_->id())) {
    return;
  }
  const std::lock_guard lock(devices_mutex_);
  if (devices_.contains(node->id().device) || devices_.size() >= kMaxSyncedDevices) {
    return;
  }
  if (auto readable = sys::reopen(fd, O_RDONLY | O_DIRECTORY)) {
    devices_[node->id().device] = std::move(*readable);
  }
}

bool Tree::make_room() {
  const std::size_t before = budget_.size();
  table_.drop_idle(IdleNodes::Clock::time_point::max());
  budget_.close_some();
  return budget_.size() < before;
}

Result<void> Tree::check_writable() const {
  if (options_.is_read_only) {
    return fail(EROFS);
  }
  return {};
}

Result<FdLease> Tree::lease_dir(const NodeRef& dir) {
  if (!S_ISDIR(dir->host_type())) {
    return fail(ENOTDIR);
  }
  return table_.lease(dir);
}

Result<Tree::InPlace> Tree::in_place(const NodeRef& node) {
  FdLease fd = TRY(table_.lease(node));
  InPlace held{.fd = std::move(fd),
               .parent = {},
               .dir = std::nullopt,
               .name = {},
               .id = &node->id(),
               .is_root = node == root_};
  if (identity_->needs_place() && !held.is_root) {
    if (auto place = table_.place(node)) {
      held.dir = TRY(table_.lease(place->parent));
      held.parent = std::move(place->parent);
      held.name = std::move(place->name);
    }
  }
  return held;
}

Result<Found> Tree::lookup(const NodeRef& dir, const Name& name) {
  const FdLease dir_fd = TRY(lease_dir(dir));
  if (identity_->is_hidden(name.view())) {
    return fail(EINVAL);
  }
  struct statx stat = TRY(sys::stat_at(dir_fd.fd(), name.c_str()));
  std::optional<NodeRef> known = table_.find_at(id_of(stat), dir, name.view());
  if (!known) {
    UniqueFd fd = TRY(table_.open_inode(dir_fd.fd(), name.c_str(), id_of(stat).device,
                                        std::uint32_t{stat.stx_mode} & S_IFMT));
    stat = TRY(sys::stat(fd.get()));  // Another inode may have the name by now.
    known = TRY(table_.intern(std::move(fd), stat, dir, name.view()));
  }
  NodeRef node = *std::move(known);
  const FdLease own = TRY(table_.lease(node));
  const Target target{
      .fd = own.fd(), .id = nullptr, .dir_fd = dir_fd.fd(), .name = name.c_str(), .is_root = false};
  note_device(node, own.fd());
  Attr attr = TRY(attr_of(node, target, stat));
  return Found{.node = std::move(node), .attr = attr};
}

Result<Found> Tree::parent(const NodeRef& dir) {
  if (!S_ISDIR(dir->host_type())) {
    return fail(ENOTDIR);
  }
  NodeRef node = table_.parent(dir);
  const Attr attr = TRY(this->attr(node));
  return Found{.node = std::move(node), .attr = attr};
}

Result<StatFs> Tree::stat_fs(const NodeRef& node) {
  const FdLease fd = TRY(table_.lease(node));
  struct statfs info{};
  if (::fstatfs(fd.fd(), &info) < 0) {
    return fail_errno();
  }
  StatFs result{.type = static_cast<std::uint32_t>(info.f_type),
                .block_size = static_cast<std::uint32_t>(info.f_bsize),
                .blocks = info.f_blocks,
                .blocks_free = info.f_bfree,
                .blocks_available = info.f_bavail,
                .files = info.f_files,
                .files_free = info.f_ffree,
                .fsid = 0,
                .name_max = static_cast<std::uint32_t>(info.f_namelen)};
  std::memcpy(&result.fsid, &info.f_fsid, sizeof(result.fsid));
  return result;
}

Result<void> Tree::sync() {
  const std::lock_guard lock(devices_mutex_);
  for (const auto& [device, fd] : devices_) {
    if (::syncfs(fd.get()) < 0) {
      return fail_errno();
    }
  }
  return {};
}

}  // namespace nineroot::fs
