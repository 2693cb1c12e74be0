// What is open on a side, who acts, and which file does which operations.
#include "tests/stress/side.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tests/stress/acting_user.h"

namespace nineroot::stress {

Answer answer_of(long result) {
  return result < 0 ? std::string(strerrorname_np(errno)) : std::to_string(result);
}

Side::Side(const std::string& root, bool takes_direct)
    : root_(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)), takes_direct_(takes_direct) {
  if (!root_.is_open()) {
    std::perror(root.c_str());
    std::exit(2);
  }
}

Side::~Side() {
  for (const Map& map : maps_) {
    if (map.address != nullptr) {
      ::munmap(map.address, map.size);
    }
  }
}

int Side::descriptor(int slot) const {
  return slot < 0 || slot >= kSlots ? -1 : slots_[static_cast<std::size_t>(slot)].file.get();
}

bool Side::has_open(const struct stat& status) const {
  const auto is_it = [&status](const auto& place) {
    struct stat open{};
    return place.file.is_open() && ::fstat(place.file.get(), &open) == 0 &&
           open.st_ino == status.st_ino && open.st_dev == status.st_dev;
  };
  return std::ranges::any_of(slots_, is_it) || std::ranges::any_of(maps_, is_it);
}

void Side::put(int slot, int file, int user) {
  Slot& place = slots_.at(static_cast<std::size_t>(slot));
  place.file.reset(file);
  place.user = user;
}

// What is open is used by who opened it: the client has no fid of an unlinked file for another user
// and walks to its name instead (v9fs_fid_lookup).
int Side::user_of(const Operation& op) const {
  if (op.kind >= Kind::map_read && op.kind <= Kind::unmap) {
    return maps_.at(static_cast<std::size_t>(op.other)).user;
  }
  if (op.kind != Kind::open && descriptor(op.slot) >= 0) {
    return slots_[static_cast<std::size_t>(op.slot)].user;
  }
  return descriptor(op.at) >= 0 ? slots_[static_cast<std::size_t>(op.at)].user : op.user;
}

Answer Side::perform(const Operation& operation) {
  Operation as_user = operation;
  as_user.user = user_of(operation);
  const ActingUser acting(as_user.user);
  return dispatch(as_user);
}

Answer Side::dispatch(const Operation& op) {
  if (op.at >= 0 && descriptor(op.at) < 0) {
    return "empty";
  }
  const int at = op.at >= 0 ? descriptor(op.at) : root_.get();
  const int file = descriptor(op.slot);
  if (op.kind == Kind::open) {
    return do_open(op);
  }
  if (op.kind <= Kind::map && op.kind != Kind::truncate) {
    if (file < 0) {
      return "empty";
    }
    return op.kind == Kind::reopen ? do_reopen(op) : do_data(op, file);
  }
  if (op.kind >= Kind::map_read && op.kind <= Kind::unmap) {
    return do_mapped(op);
  }
  switch (op.kind) {
    case Kind::link_open:
    case Kind::fstat:
    case Kind::fchmod:
    case Kind::fchown:
    case Kind::futimens:
      return file < 0 ? "empty" : do_open_attributes(op, file);
    case Kind::fset_xattr:
    case Kind::fget_xattr:
    case Kind::fremove_xattr:
    case Kind::flist_xattr:
      return file < 0 ? "empty" : do_open_xattr(op, file);
    case Kind::set_xattr:
    case Kind::get_xattr:
    case Kind::remove_xattr:
    case Kind::list_xattr:
      return do_xattr(op, at);
    case Kind::truncate:
    case Kind::stat:
    case Kind::lstat:
    case Kind::access:
    case Kind::chmod:
    case Kind::chown:
    case Kind::lchown:
    case Kind::utimens:
      return do_attributes(op, at);
    default:
      return do_names(op, at);
  }
}

Answer Side::do_open(const Operation& op) {
  const int at = op.at >= 0 ? descriptor(op.at) : root_.get();
  int flags = static_cast<int>(op.flags) | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
  if (!takes_direct_) {
    // A disk wants aligned buffers.
    flags &= ~O_DIRECT;
  }
  const int file = ::openat(at, op.path.c_str(), flags, op.mode);
  if (file < 0) {
    return answer_of(-1);
  }
  put(op.slot, file, op.user);
  struct stat status{};
  return ::fstat(file, &status) == 0 ? describe(status) : answer_of(-1);
}

Answer Side::do_reopen(const Operation& op) {
  const std::string path = "/proc/self/fd/" + std::to_string(descriptor(op.slot));
  const int file =
      ::open(path.c_str(), (static_cast<int>(op.flags) & ~O_DIRECT) | O_NONBLOCK | O_CLOEXEC);
  if (file < 0) {
    return answer_of(-1);
  }
  put(op.other, file, op.user);
  struct stat status{};
  return ::fstat(file, &status) == 0 ? describe(status) : answer_of(-1);
}

std::string Side::describe_open(int slot) const {
  const Slot& place = slots_.at(static_cast<std::size_t>(slot));
  if (!place.file.is_open()) {
    return "nothing";
  }
  const ActingUser acting(place.user);
  struct stat status{};
  return ::fstat(place.file.get(), &status) == 0 ? describe(status) : answer_of(-1);
}

}  // namespace nineroot::stress
