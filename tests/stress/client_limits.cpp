#include "tests/stress/client_limits.h"

#include <fcntl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <string>
#include <string_view>

namespace nineroot::stress {
namespace {

std::optional<struct stat> model_stat(const Operation& op, const Side& model, int flags) {
  const int at = op.at >= 0 ? model.descriptor(op.at) : model.root();
  struct stat status{};
  if (at < 0 || ::fstatat(at, op.path.c_str(), &status, flags) != 0) {
    return std::nullopt;
  }
  return status;
}

// Without META or LOOSE in its cache bits the client makes an inode of its own for each lookup that
// finds no dentry, so two names of one file have two page caches, two sizes, two modes: hard links
// and open files do not mix there.
bool mixes_links_with_open_files(const Operation& op, const Side& model) {
  switch (op.kind) {
    case Kind::open: {
      const auto status = model_stat(op, model, 0);
      return status && !S_ISDIR(status->st_mode) && status->st_nlink > 1;
    }
    case Kind::link: {
      const auto status =
          model_stat(op, model, (op.flags & AT_SYMLINK_FOLLOW) != 0 ? 0 : AT_SYMLINK_NOFOLLOW);
      return status && (model.has_open(*status) || S_ISFIFO(status->st_mode));
    }
    default:
      return op.kind == Kind::link_open;
  }
}

// The client itself refuses to set a default ACL of what is no directory with EINVAL, where other
// file systems say EACCES, and lets only the owner remove one that cannot be there
// (v9fs_xattr_set_acl).
bool is_default_acl_of_a_file(const Operation& op, const Side& model) {
  if (op.path2 != "system.posix_acl_default") {
    return false;
  }
  if (op.kind == Kind::fset_xattr || op.kind == Kind::fremove_xattr) {
    struct stat status{};
    return ::fstat(model.descriptor(op.slot), &status) == 0 && !S_ISDIR(status.st_mode);
  }
  const auto status = model_stat(op, model, (op.flags & 8U) != 0 ? AT_SYMLINK_NOFOLLOW : 0);
  return (op.kind == Kind::set_xattr || op.kind == Kind::remove_xattr) && status &&
         !S_ISDIR(status->st_mode);
}

bool is_linux_6_1() {
  struct utsname kernel{};
  return ::uname(&kernel) == 0 &&
         std::string_view(static_cast<const char*>(kernel.release)).starts_with("6.1.");
}

// Before netfs took its writes over the client's unbuffered and mmap modes wrote without
// file_remove_privs, so that capabilities stayed (6.1's v9fs_file_write_iter; not so on 6.12).
bool keeps_privileges_on_write(Cache cache) {
  return cache != Cache::loose && is_linux_6_1();
}

// Since netfs took its writes over, the client loses what O_DSYNC appends in a page that it holds
// dirty and that is beyond the end of the file as the server knows it: Twrite has the data, then
// another one of the whole page has zeros in their place (6.12, docs/compatibility.md).
bool may_be_lost_by_netfs(const Operation& op, const Side& model, Cache cache) {
  if (cache == Cache::none || is_linux_6_1()) {
    return false;
  }
  const bool is_write = op.kind == Kind::write || op.kind == Kind::pwrite;
  const int slot = is_write ? op.slot : op.kind == Kind::copy ? op.other : -1;
  const int file = slot >= 0 ? model.descriptor(slot) : -1;
  return file >= 0 && (::fcntl(file, F_GETFL) & O_DSYNC) != 0;
}

/// Of the names of an open file, the one by which it was opened is gone; others may be there.
bool has_lost_its_name(int file) {
  std::array<char, PATH_MAX> target{};
  const std::string path = "/proc/self/fd/" + std::to_string(file);
  const ssize_t size = ::readlink(path.c_str(), target.data(), target.size());
  return size > 0 &&
         std::string_view(target.data(), static_cast<std::size_t>(size)).ends_with(" (deleted)");
}

}  // namespace

std::optional<Cache> cache_named(std::string_view name) {
  if (name == "local") {
    return Cache::local;
  }
  if (name == "none") {
    return Cache::none;
  }
  if (name == "mmap") {
    return Cache::mmap;
  }
  return name == "loose" ? std::optional(Cache::loose) : std::nullopt;
}

Operation within_client(Operation op, Cache cache) {
  // The client leaves its superblock's s_time_gran at one second, so utimensat(2) in the guest cuts
  // the nanoseconds off before it asks for anything.
  if (cache != Cache::local && (op.kind == Kind::utimens || op.kind == Kind::futimens)) {
    constexpr std::int64_t kSecond = 1'000'000'000;
    op.offset = op.offset < 0 ? op.offset : op.offset / kSecond * kSecond;
    op.length = op.length < 0 ? op.length : op.length / kSecond * kSecond;
  }
  return op;
}

bool has_coherent_mappings(Cache cache) {
  return cache != Cache::none && !(cache == Cache::mmap && is_linux_6_1());
}

// With cache=loose a modification time is fetched when something marked the inode's attributes as
// old, and kept: over data that is still to be written, and over changes within a directory.
std::string comparable(std::string text, Cache cache) {
  constexpr std::string_view kTime = " mtime ";
  if (cache != Cache::loose) {
    return text;
  }
  for (std::size_t at = text.find(kTime); at != std::string::npos; at = text.find(kTime, at)) {
    const std::size_t end = text.find_first_of(" \n", at + kTime.size());
    text.erase(at, (end == std::string::npos ? text.size() : end) - at);
  }
  return text;
}

// What was opened without Tlopen, with O_PATH or as a special file, has only the fids of its name,
// and the client clunks those when the name is removed.
bool is_lost_by_client(int slot, const Side& model) {
  const int file = model.descriptor(slot);
  struct stat status{};
  if (file < 0 || ::fstat(file, &status) != 0 ||
      (status.st_nlink > 0 && !has_lost_its_name(file))) {
    return false;
  }
  return (::fcntl(file, F_GETFL) & O_PATH) != 0 ||
         !(S_ISREG(status.st_mode) || S_ISDIR(status.st_mode));
}

bool is_beyond_client(const Operation& op, const Side& model, Cache cache) {
  if (cache == Cache::local) {
    // The host's caches are everybody's.
    return op.kind == Kind::drop_caches;
  }
  if (cache != Cache::loose && mixes_links_with_open_files(op, model)) {
    return true;
  }
  if (is_default_acl_of_a_file(op, model)) {
    return true;
  }
  if (may_be_lost_by_netfs(op, model, cache)) {
    return true;
  }
  if (op.path2 == "security.capability" && keeps_privileges_on_write(cache)) {
    return true;
  }
  for (const int slot : {op.kind == Kind::open || op.kind == Kind::close ? -1 : op.slot, op.at}) {
    if (is_lost_by_client(slot, model)) {
      return true;
    }
  }
  // cache=none has no shared mappings (EINVAL), and private ones do not see later writes.
  if (cache == Cache::none && op.kind >= Kind::map && op.kind <= Kind::unmap) {
    return true;
  }
  return false;
}

}  // namespace nineroot::stress
