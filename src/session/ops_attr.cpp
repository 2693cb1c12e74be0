// Tgetattr Tsetattr Tstatfs: attributes.
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <bit>

#include "session/qid.h"
#include "session/session.h"

namespace nineroot::session {
namespace {

constexpr std::uint64_t kNanosecondsPerSecond = 1'000'000'000;

/// What stat(2) recommends for reads: C libraries and coreutils size their buffers by it.  A power
/// of two that one message can carry.
std::uint64_t block_size(std::uint32_t msize) {
  constexpr std::uint64_t kLargest = 256U << 10U;
  return std::min(kLargest, std::bit_floor(std::uint64_t{msize} - wire::kIoHeaderSize));
}

std::uint64_t seconds(const timespec& time) {
  return static_cast<std::uint64_t>(time.tv_sec);
}

std::uint64_t nanoseconds(const timespec& time) {
  return static_cast<std::uint64_t>(time.tv_nsec);
}

/// The client's time, or the server's clock if it sent none.
Result<timespec> wanted_time(bool is_given, std::uint64_t sec, std::uint64_t nsec) {
  if (!is_given) {
    return timespec{.tv_sec = 0, .tv_nsec = UTIME_NOW};
  }
  if (nsec >= kNanosecondsPerSecond) {
    return fail(EINVAL);  // UTIME_OMIT and UTIME_NOW are in this range.
  }
  return timespec{.tv_sec = static_cast<time_t>(sec), .tv_nsec = static_cast<long>(nsec)};
}

// The field has 64 bits, but Linux keeps 32 and compares them with all 64 when it looks for an
// inode that it knows; any more would make each lookup with cache=loose a second inode of the same
// file.
std::uint64_t client_generation(std::uint64_t generation) {
  return (generation ^ (generation >> 32U)) & UINT32_MAX;
}

}  // namespace

Result<wire::Rgetattr> Session::on(const wire::Tgetattr& m) {
  const Fid* fid = TRY(fids_.get(m.fid));
  const std::uint64_t known_size = fid->node->known_size();
  const fs::Attr attr = TRY(tree_.attr(fid->node));
  fid->node->set_known_size(attr.size);
  // All basic fields, whatever was asked for: Linux takes a shorter way then.
  std::uint64_t valid = wire::kGetattrBasic | wire::kGetattrGen;
  if (attr.btime.tv_sec != 0 || attr.btime.tv_nsec != 0) {
    valid |= wire::kGetattrBtime;
  }
  // A guest that writes to the file may have made it longer meanwhile, in its page cache.
  // Linux 6.12 with cache=mmap believes the size in this answer all the same
  // (v9fs_vfs_getattr_dotl), and then writes zeros, or nothing, for what lies behind it: a stat
  // beside a write would lose data. So the size is told only if it is news, made on the host. One
  // that asks for less than everything looks the file up (v9fs_qid_iget_dotl) and has no size yet.
  if (m.request_mask == wire::kGetattrAll && S_ISREG(attr.mode) && attr.size == known_size &&
      writers_.have(fid->node)) {
    valid &= ~wire::kGetattrSize;
  }
  return wire::Rgetattr{.valid = valid,
                        .qid = make_qid(attr),
                        .mode = attr.mode,
                        .uid = attr.uid,
                        .gid = attr.gid,
                        .nlink = attr.nlink,
                        .rdev = attr.rdev,
                        .size = attr.size,
                        .blksize = block_size(msize_),
                        .blocks = attr.blocks,
                        .atime_sec = seconds(attr.atime),
                        .atime_nsec = nanoseconds(attr.atime),
                        .mtime_sec = seconds(attr.mtime),
                        .mtime_nsec = nanoseconds(attr.mtime),
                        .ctime_sec = seconds(attr.ctime),
                        .ctime_nsec = nanoseconds(attr.ctime),
                        .btime_sec = seconds(attr.btime),
                        .btime_nsec = nanoseconds(attr.btime),
                        .gen = client_generation(attr.generation),
                        .data_version = 0};
}

Result<wire::Rsetattr> Session::on(const wire::Tsetattr& m) {
  const Fid* fid = TRY(fids_.get(m.fid));
  fs::SetAttr change;
  if ((m.valid & wire::kSetMode) != 0) {
    change.mode = m.mode;
  }
  if ((m.valid & wire::kSetUid) != 0 && m.uid != wire::kNoUid) {
    change.uid = m.uid;
  }
  if ((m.valid & wire::kSetGid) != 0 && m.gid != wire::kNoUid) {
    change.gid = m.gid;
  }
  if ((m.valid & wire::kSetSize) != 0) {
    change.size = m.size;
  }
  if ((m.valid & wire::kSetAtime) != 0) {
    change.atime = TRY(wanted_time((m.valid & wire::kSetAtimeSet) != 0, m.atime_sec, m.atime_nsec));
  }
  if ((m.valid & wire::kSetMtime) != 0) {
    change.mtime = TRY(wanted_time((m.valid & wire::kSetMtimeSet) != 0, m.mtime_sec, m.mtime_nsec));
  }
  change.touches_ctime = (m.valid & wire::kSetCtime) != 0;
  TRY(tree_.set_attr(fid->node, change, fid->used().file.get()));
  return wire::Rsetattr{};
}

Result<wire::Rstatfs> Session::on(const wire::Tstatfs& m) {
  const Fid* fid = TRY(fids_.get(m.fid));
  const fs::StatFs info = TRY(tree_.stat_fs(fid->node));
  return wire::Rstatfs{.type = info.type,
                       .bsize = info.block_size,
                       .blocks = info.blocks,
                       .bfree = info.blocks_free,
                       .bavail = info.blocks_available,
                       .files = info.files,
                       .ffree = info.files_free,
                       .fsid = info.fsid,
                       .namelen = info.name_max};
}

}  // namespace nineroot::session
