// One operation of the random stress, as data: it can be printed, read back, left out and replayed.
// What it does is Side's; which ones are made is Generator's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nineroot::stress {

enum class Kind : std::uint8_t {
  open,
  reopen,
  close,
  read,
  pread,
  write,
  pwrite,
  seek,
  ftruncate,
  truncate,
  fsync,
  fdatasync,
  lock,
  copy,
  map,
  map_read,
  map_write,
  map_sync,
  unmap,
  mkdir,
  rmdir,
  unlink,
  rename,
  link,
  link_open,
  symlink,
  readlink,
  mknod,
  bind,
  list,
  sweep,
  deepen,
  stat,
  lstat,
  fstat,
  access,
  chmod,
  fchmod,
  chown,
  lchown,
  fchown,
  utimens,
  futimens,
  set_xattr,
  fset_xattr,
  get_xattr,
  fget_xattr,
  remove_xattr,
  fremove_xattr,
  list_xattr,
  flist_xattr,
  drop_caches,
};

std::string_view name_of(Kind kind);

/// A slot is a number under which an open file or a mapping is kept; an operation on an empty slot
/// does nothing.  Which field means what depends on the kind; -1 is none.
struct Operation {
  Kind kind = Kind::stat;
  int user = 0;    // index into the users of acting_user.h
  int slot = -1;   // the open file
  int at = -1;     // the slot of the directory from which path leads; else the root
  int other = -1;  // the second slot: path2's directory, a mapping, where to put a file
  std::string path;
  std::string path2;        // second path, target of a symlink, name of an xattr
  std::int64_t offset = 0;  // also: a uid, an access time
  std::int64_t length = 0;  // also: a gid, a modification time
  std::uint32_t flags = 0;
  std::uint32_t mode = 0;
  std::uint64_t value = 0;  // what tells the bytes written, a device number

  bool operator==(const Operation&) const = default;
};

/// One line: the kind's name, then fields that differ from their defaults as name=value.  Bytes of
/// paths that are not plain are written as %XX.
std::string to_text(const Operation& operation);
std::optional<Operation> parse_operation(std::string_view line);

std::string to_text(const std::vector<Operation>& operations);

/// Empty lines and those that begin with # are left out; nullopt if a line makes no sense.
std::optional<std::vector<Operation>> parse_operations(std::string_view text);

}  // namespace nineroot::stress
