#include "cli/difference_report.h"

#include <sys/sysmacros.h>

#include <algorithm>

#include <fmt/format.h>

#include "storage/entry_path.h"

namespace nineroot::cli {
namespace {

using nlohmann::json;
using storage::Change;
using storage::Difference;
using storage::Field;
using storage::GuestInode;

std::string type_of(const GuestInode& inode) {
  switch (inode.type()) {
    case S_IFREG:
      return "file";
    case S_IFDIR:
      return "directory";
    case S_IFLNK:
      return "symlink";
    case S_IFCHR:
      return "character device";
    case S_IFBLK:
      return "block device";
    case S_IFIFO:
      return "fifo";
    case S_IFSOCK:
      return "socket";
    default:
      return "unknown";
  }
}

std::string mode_of(const GuestInode& inode) {
  return fmt::format("{:04o}", inode.mode & 07777U);
}

std::string device_of(const GuestInode& inode) {
  return fmt::format("{}:{}", ::major(inode.rdev), ::minor(inode.rdev));
}

/// The value of what a line has room for; empty for the rest.
std::string value_of(const GuestInode& inode, Field field) {
  switch (field) {
    case Field::size:
      return fmt::to_string(inode.size);
    case Field::target:
      return storage::printable(inode.target);
    case Field::mode:
      return mode_of(inode);
    case Field::owner:
      return fmt::to_string(inode.uid);
    case Field::group:
      return fmt::to_string(inode.gid);
    case Field::device:
      return device_of(inode);
    default:
      return "";
  }
}

/// The names of attributes that only one has, or whose values differ.
std::vector<std::string> differing_xattrs(const GuestInode& a, const GuestInode& b) {
  storage::GuestXattrs differing;
  std::ranges::set_symmetric_difference(a.xattrs, b.xattrs, std::back_inserter(differing));
  std::vector<std::string> names;
  for (const auto& [name, value] : differing) {
    if (names.empty() || names.back() != name) {
      names.push_back(name);
    }
  }
  return names;
}

std::string describe(const Difference& one, Field field) {
  const std::string name(storage::name_of(field));
  if (field == Field::xattrs) {
    return name + " " +
           storage::escaped(
               fmt::format("{}", fmt::join(differing_xattrs(*one.before, *one.after), " ")));
  }
  const std::string before = value_of(*one.before, field);
  const std::string after = value_of(*one.after, field);
  return before == after ? name : fmt::format("{} {} -> {}", name, before, after);
}

bool is_utf8(const std::string& bytes) {
  return json(bytes).dump(-1, ' ', false, json::error_handler_t::ignore) ==
         json(bytes).dump(-1, ' ', false, json::error_handler_t::replace);
}

void add_bytes(json& object, const char* key, const std::string& bytes) {
  object[key] = bytes;
  if (!is_utf8(bytes)) {
    std::string digits;
    for (const char c : bytes) {
      digits += fmt::format("{:02x}", static_cast<unsigned char>(c));
    }
    object[std::string(key) + "_hex"] = digits;
  }
}

json to_json(const GuestInode& inode) {
  json object = {{"type", type_of(inode)},
                 {"mode", mode_of(inode)},
                 {"uid", inode.uid},
                 {"gid", inode.gid},
                 {"links", inode.links},
                 {"mtime", fmt::format("{}.{:09}", inode.mtime.tv_sec, inode.mtime.tv_nsec)}};
  if (S_ISREG(inode.mode)) {
    object["size"] = inode.size;
  }
  if (S_ISLNK(inode.mode)) {
    add_bytes(object, "target", inode.target);
  }
  if (S_ISCHR(inode.mode) || S_ISBLK(inode.mode)) {
    object["device"] = device_of(inode);
  }
  return object;
}

}  // namespace

std::string to_line(const Difference& one) {
  std::string line =
      fmt::format("{:<8}  {}", storage::name_of(one.change), storage::escaped(one.path));
  if (!one.from.empty()) {
    line += " from " + storage::escaped(one.from);
  }
  std::vector<std::string> details;
  if (one.change == Change::type) {
    details.push_back(type_of(*one.before) + " -> " + type_of(*one.after));
  }
  for (const Field field : one.fields) {
    details.push_back(describe(one, field));
  }
  return details.empty() ? line : fmt::format("{} ({})", line, fmt::join(details, ", "));
}

json to_json(const Difference& one) {
  json object = {{"change", storage::name_of(one.change)}};
  add_bytes(object, "path", one.path);
  if (!one.from.empty()) {
    add_bytes(object, "from", one.from);
  }
  for (const Field field : one.fields) {
    object["fields"].push_back(storage::name_of(field));
    if (field == Field::xattrs) {
      object["xattrs"] = differing_xattrs(*one.before, *one.after);
    }
  }
  if (one.before) {
    object["before"] = to_json(*one.before);
  }
  if (one.after) {
    object["after"] = to_json(*one.after);
  }
  return object;
}

}  // namespace nineroot::cli
