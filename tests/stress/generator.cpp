#include "tests/stress/generator.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <array>
#include <utility>

#include "tests/stress/acting_user.h"
#include "tests/stress/side.h"

namespace nineroot::stress {
namespace {

// Looking takes longer than an operation.
constexpr unsigned kBetweenLooks = 12;

using Weight = std::pair<Kind, unsigned>;

constexpr std::array kWeights = {
    Weight{Kind::open, 90},         Weight{Kind::reopen, 16},    Weight{Kind::close, 22},
    Weight{Kind::read, 12},         Weight{Kind::pread, 24},     Weight{Kind::write, 30},
    Weight{Kind::pwrite, 36},       Weight{Kind::seek, 10},      Weight{Kind::ftruncate, 18},
    Weight{Kind::truncate, 10},     Weight{Kind::fsync, 4},      Weight{Kind::fdatasync, 3},
    Weight{Kind::lock, 5},          Weight{Kind::copy, 6},       Weight{Kind::map, 14},
    Weight{Kind::map_read, 12},     Weight{Kind::map_write, 12}, Weight{Kind::map_sync, 3},
    Weight{Kind::unmap, 4},         Weight{Kind::mkdir, 36},     Weight{Kind::rmdir, 14},
    Weight{Kind::unlink, 26},       Weight{Kind::rename, 50},    Weight{Kind::link, 22},
    Weight{Kind::link_open, 5},     Weight{Kind::symlink, 16},   Weight{Kind::readlink, 6},
    Weight{Kind::mknod, 14},        Weight{Kind::bind, 4},       Weight{Kind::list, 12},
    Weight{Kind::sweep, 2},         Weight{Kind::deepen, 2},     Weight{Kind::stat, 16},
    Weight{Kind::lstat, 16},        Weight{Kind::fstat, 30},     Weight{Kind::access, 8},
    Weight{Kind::chmod, 18},        Weight{Kind::fchmod, 14},    Weight{Kind::chown, 10},
    Weight{Kind::lchown, 8},        Weight{Kind::fchown, 10},    Weight{Kind::utimens, 12},
    Weight{Kind::futimens, 10},     Weight{Kind::set_xattr, 14}, Weight{Kind::fset_xattr, 10},
    Weight{Kind::get_xattr, 8},     Weight{Kind::fget_xattr, 8}, Weight{Kind::remove_xattr, 6},
    Weight{Kind::fremove_xattr, 4}, Weight{Kind::list_xattr, 5}, Weight{Kind::flist_xattr, 5},
    Weight{Kind::drop_caches, 3},
};

constexpr unsigned total_weight() {
  unsigned sum = 0;
  for (const Weight& weight : kWeights) {
    sum += weight.second;
  }
  return sum;
}

}  // namespace

std::uint64_t Generator::below(std::uint64_t limit) {
  // Not a distribution of the library: a seed shall mean the same with every compiler.
  return random_() % limit;
}

std::string Generator::name() {
  static const std::array<std::string, 12> kOdd = {"sp ace",
                                                   "new\nline",
                                                   "\xff\xfe\x01",
                                                   "-n",
                                                   "...",
                                                   "%41",
                                                   std::string(255, 'n'),
                                                   std::string(256, 'x'),
                                                   ".virtfs_metadata_not",
                                                   "\xc3\xa4",
                                                   "tab\t",
                                                   "*?["};
  if (is_one_in(14)) {
    return kOdd[below(kOdd.size())];
  }
  return (is_one_in(2) ? "f" : "d") + std::to_string(below(6));
}

std::string Generator::new_path() {
  return is_one_in(4) ? name() : directory() + "/" + name();
}

std::string Generator::path() {
  if (is_one_in(60)) {
    static const std::array<const char*, 6> kStrange = {"", ".", "..", "d0/", "d0/.", "d1/.."};
    return kStrange[below(kStrange.size())];
  }
  return is_one_in(10) ? new_path() : is_one_in(3) ? directory() : file_path();
}

std::string Generator::file_path() {
  return around_.others.empty() ? new_path() : around_.others[below(around_.others.size())];
}

std::string Generator::directory() {
  // A tree that only becomes deeper is a narrow one.
  if (around_.directories.size() < 4 || is_one_in(5)) {
    return "d" + std::to_string(below(4));
  }
  return around_.directories[below(around_.directories.size())];
}

int Generator::slot() {
  return around_.slots.empty() || is_one_in(24) ? static_cast<int>(below(kSlots))
                                                : around_.slots[below(around_.slots.size())];
}

// Most operations begin at the root; of the slots the last three are for directories.
int Generator::directory_slot() {
  return is_one_in(12) ? kSlots - 1 - static_cast<int>(below(3)) : -1;
}

std::int64_t Generator::offset() {
  const std::int64_t page = static_cast<std::int64_t>(below(is_one_in(12) ? 200 : 12)) * 4096;
  return is_one_in(3) ? page : page + static_cast<std::int64_t>(below(4096));
}

std::int64_t Generator::length() {
  static constexpr std::array<std::int64_t, 6> kEdges = {0, 1, 512, 4096, 8192, 65536};
  return is_one_in(3) ? kEdges[below(kEdges.size())]
                      : static_cast<std::int64_t>(below(is_one_in(6) ? 100'000 : 9'000));
}

std::int64_t Generator::id() {
  static constexpr std::array<std::int64_t, 8> kIds = {-1,   0,     1000,  1001,
                                                       2000, 70000, 65534, 4000000000};
  return kIds[below(kIds.size())];
}

std::int64_t Generator::time() {
  switch (below(4)) {
    case 0:
      return -1;
    case 1:
      return -2;
    default:
      return static_cast<std::int64_t>(below(999'999'999)) * 1'000'000'000 +
             static_cast<std::int64_t>(below(1'000'000'000));
  }
}

std::uint32_t Generator::mode() {
  static constexpr std::array<std::uint32_t, 8> kModes = {0644, 0755, 0777, 0600,
                                                          0666, 0,    0444, 01777};
  if (is_one_in(4)) {
    return static_cast<std::uint32_t>(below(010000));
  }
  return kModes[below(kModes.size())];
}

std::uint32_t Generator::open_flags() {
  unsigned flags = 0;
  const std::uint64_t access = below(8);
  flags |= access < 1 ? O_RDONLY : access < 2 ? O_WRONLY : O_RDWR;
  const std::array<std::pair<int, std::uint64_t>, 9> odds = {{{O_CREAT, 2},
                                                              {O_EXCL, 8},
                                                              {O_TRUNC, 7},
                                                              {O_APPEND, 7},
                                                              {O_NOFOLLOW, 10},
                                                              {O_SYNC, 16},
                                                              {O_DSYNC, 16},
                                                              {O_DIRECT, 20},
                                                              {O_PATH, 25}}};
  for (const auto& [flag, odd] : odds) {
    if (is_one_in(odd)) {
      flags |= static_cast<unsigned>(flag);
    }
  }
  return flags;
}

std::string Generator::xattr_name() {
  static constexpr std::array<const char*, 10> kNames = {"user.a",
                                                         "user.b",
                                                         "user.long.name.of.an.attribute",
                                                         "trusted.a",
                                                         "trusted.overlay.opaque",
                                                         "security.test",
                                                         "security.capability",
                                                         "system.posix_acl_access",
                                                         "system.posix_acl_default",
                                                         "user."};
  return kNames[below(kNames.size())];
}

Operation Generator::next(const Side& model) {
  if (until_next_look_-- == 0) {
    around_ = surroundings_of(model);
    until_next_look_ = kBetweenLooks;
  }
  static constexpr unsigned kTotal = total_weight();
  Operation op;
  std::uint64_t pick = below(kTotal);
  for (const auto& [kind, weight] : kWeights) {
    if (pick < weight) {
      op.kind = kind;
      break;
    }
    pick -= weight;
  }
  op.user = is_one_in(4) ? static_cast<int>(below(kUsers)) : 0;
  if (op.kind <= Kind::reopen) {
    fill_open(op);
  } else if (op.kind <= Kind::unmap && op.kind != Kind::truncate) {
    fill_data(op);
  } else if (op.kind >= Kind::mkdir && op.kind <= Kind::deepen) {
    fill_names(op);
  } else if (op.kind >= Kind::set_xattr && op.kind <= Kind::flist_xattr) {
    fill_xattr(op);
  } else if (op.kind != Kind::drop_caches) {
    fill_attributes(op);
  }
  return op;
}

void Generator::fill_open(Operation& op) {
  if (op.kind == Kind::reopen) {
    op.slot = slot();
    op.other = static_cast<int>(below(kSlots));
    op.flags = open_flags() & ~static_cast<unsigned>(O_CREAT | O_EXCL | O_NOFOLLOW);
    return;
  }
  op.at = directory_slot();
  if (is_one_in(5)) {
    op.slot = kSlots - 1 - static_cast<int>(below(3));
    op.flags = O_RDONLY | O_DIRECTORY | (is_one_in(4) ? O_PATH : 0);
    op.path = directory();
    return;
  }
  op.slot = static_cast<int>(below(kSlots));
  op.flags = open_flags();
  op.path = (op.flags & O_CREAT) != 0 && is_one_in(2) ? new_path()
            : is_one_in(8)                            ? path()
                                                      : file_path();
  op.mode = mode();
}

void Generator::fill_data(Operation& op) {
  op.slot = slot();
  op.value = below(1'000'000);
  op.offset = op.kind == Kind::ftruncate ? 0 : offset();
  op.length = op.kind == Kind::ftruncate ? offset() : length();
  op.flags = static_cast<std::uint32_t>(below(4));
  if (op.kind == Kind::copy) {
    op.other = slot();
    op.value = static_cast<std::uint64_t>(offset());
  } else if (op.kind >= Kind::map && op.kind <= Kind::unmap) {
    op.other = static_cast<int>(below(kMaps));
    op.slot = op.kind == Kind::map ? op.slot : -1;
  } else if (op.kind == Kind::close || op.kind == Kind::fsync || op.kind == Kind::fdatasync) {
    op.value = op.flags = 0;
    op.offset = op.length = 0;
  }
}

void Generator::fill_names(Operation& op) {
  static constexpr std::array<std::uint32_t, 5> kTypes = {S_IFREG, S_IFIFO, S_IFCHR, S_IFBLK,
                                                          S_IFSOCK};
  // /dev/null, and two that nobody has: a device is claimed by who opens it.
  static constexpr std::array<std::array<unsigned, 2>, 3> kDevices = {
      {{259, 70000}, {240, 5}, {1, 3}}};
  op.at = directory_slot();
  op.path = path();
  switch (op.kind) {
    case Kind::rename:
    case Kind::link:
    case Kind::link_open:
      op.slot = op.kind == Kind::link_open ? slot() : -1;
      op.other = directory_slot();
      op.path2 = is_one_in(2) ? path() : new_path();
      op.flags = op.kind == Kind::link && is_one_in(3) ? AT_SYMLINK_FOLLOW : 0;
      break;
    case Kind::symlink:
      op.path = new_path();
      op.path2 = is_one_in(5) ? "../" + name() : is_one_in(20) ? std::string(4000, 't') : path();
      break;
    case Kind::mkdir:
    case Kind::mknod:
    case Kind::bind: {
      op.path = is_one_in(4)                             ? path()
                : op.kind == Kind::mkdir && is_one_in(2) ? directory()
                                                         : new_path();
      const std::uint32_t type = op.kind == Kind::mknod ? kTypes[below(kTypes.size())] : 0;
      const auto& device = kDevices[type == S_IFCHR && is_one_in(2) ? 2 : below(2)];
      op.mode = mode() | type;
      // Too many directories that users cannot enter would leave them nothing to do.
      op.mode |= op.kind == Kind::mkdir && !is_one_in(4) ? 0755U : 0U;
      op.value = op.kind == Kind::mknod ? makedev(device[0], device[1]) : 0;
      break;
    }
    case Kind::rmdir:
    case Kind::list:
      op.path = is_one_in(6) ? path() : directory();
      break;
    case Kind::sweep:
      op.path = directory();
      op.length = static_cast<std::int64_t>(below(40));
      op.flags = static_cast<std::uint32_t>(below(240));
      break;
    case Kind::deepen:
      op.path = directory();
      op.path2 = name();
      op.length = static_cast<std::int64_t>(below(20));
      break;
    default:
      break;
  }
}

void Generator::fill_attributes(Operation& op) {
  const bool is_by_slot = op.kind == Kind::fstat || op.kind == Kind::fchmod ||
                          op.kind == Kind::fchown || op.kind == Kind::futimens;
  if (is_by_slot) {
    op.slot = slot();
  } else {
    op.at = directory_slot();
    op.path = path();
  }
  switch (op.kind) {
    case Kind::truncate:
      op.length = offset();
      break;
    case Kind::chmod:
    case Kind::fchmod:
    case Kind::access:
      op.mode = mode();
      break;
    case Kind::chown:
    case Kind::lchown:
    case Kind::fchown:
      op.offset = id();
      op.length = id();
      break;
    case Kind::utimens:
    case Kind::futimens:
      op.offset = time();
      op.length = time();
      op.flags = op.kind == Kind::utimens ? static_cast<std::uint32_t>(below(2)) : 0;
      break;
    default:
      break;
  }
}

void Generator::fill_xattr(Operation& op) {
  const bool is_by_slot = op.kind == Kind::fset_xattr || op.kind == Kind::fget_xattr ||
                          op.kind == Kind::fremove_xattr || op.kind == Kind::flist_xattr;
  if (is_by_slot) {
    op.slot = slot();
  } else {
    op.at = directory_slot();
    op.path = path();
    op.flags = is_one_in(4) ? 8 : 0;
  }
  if (op.kind == Kind::list_xattr || op.kind == Kind::flist_xattr) {
    return;
  }
  op.path2 = xattr_name();
  if (op.kind == Kind::set_xattr || op.kind == Kind::fset_xattr) {
    op.flags |= is_one_in(4) ? static_cast<std::uint32_t>(1 + below(2)) : 0;
    // All names of a file together must fit beside our own records in one block of the host.
    op.length = static_cast<std::int64_t>(below(is_one_in(5) ? 200 : 30));
    op.value = below(1U << 18U);
  } else {
    op.length = is_one_in(6) ? 5 : -1;
  }
}

}  // namespace nineroot::stress
