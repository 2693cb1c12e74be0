#include "tests/support/memory_fs.h"

#include <dirent.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <vector>

namespace nineroot::test {
namespace {

using Reply = MemoryFs::Reply;

Reply error(int code) {
  return std::unexpected(code);
}

template <class T>
std::string bytes_of(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof(value)};
}

/// The structure at the start of `body`, which loses it.
template <class T>
T take(std::string_view& body) {
  T value{};
  std::memcpy(&value, body.data(), std::min(sizeof(T), body.size()));
  body.remove_prefix(std::min(sizeof(T), body.size()));
  return value;
}

/// The name that ends with a NUL.
std::string_view take_name(std::string_view& body) {
  const std::string_view name = body.substr(0, body.find('\0'));
  body.remove_prefix(std::min(body.size(), name.size() + 1));
  return name;
}

/// Past the page cache, so that every read and write comes here.
std::string opened() {
  fuse_open_out out{};
  out.open_flags = FOPEN_DIRECT_IO;
  return bytes_of(out);
}

timespec now() {
  timespec time{};
  ::clock_gettime(CLOCK_REALTIME, &time);
  return time;
}

}  // namespace

MemoryFs::MemoryFs() {
  Node& root = nodes_[FUSE_ROOT_ID];
  root.mode = S_IFDIR | 0755;
  root.nlink = 2;
  root.parent = FUSE_ROOT_ID;
}

void MemoryFs::limit_writes(std::uint64_t bytes, int error) {
  writable_ = bytes;
  write_error_ = error;
}

Reply MemoryFs::answer(const fuse_in_header& header, std::string_view body) {
  const std::uint64_t id = header.nodeid;
  switch (header.opcode) {
    case FUSE_INIT: {
      fuse_init_out out{};
      out.major = FUSE_KERNEL_VERSION;
      out.minor = 31;
      out.max_write = 128 * 1024;
      out.flags = FUSE_BIG_WRITES | FUSE_ATOMIC_O_TRUNC;
      return bytes_of(out);
    }
    case FUSE_GETATTR:
      return bytes_of(
          fuse_attr_out{.attr_valid = 0, .attr_valid_nsec = 0, .dummy = 0, .attr = attr(id)});
    case FUSE_SETATTR:
      return set_attr(id, body);
    case FUSE_OPEN:
      if ((take<fuse_open_in>(body).flags & 01000U) != 0) {
        nodes_[id].data.clear();
      }
      [[fallthrough]];
    case FUSE_OPENDIR:
      return opened();
    case FUSE_READ: {
      const auto in = take<fuse_read_in>(body);
      const std::string& data = nodes_[id].data;
      return in.offset >= data.size() ? std::string() : data.substr(in.offset, in.size);
    }
    case FUSE_WRITE:
      return write(id, body);
    case FUSE_READDIR:
      return read_dir(id, take<fuse_read_in>(body));
    case FUSE_READLINK:
      return nodes_[id].data;
    case FUSE_STATFS: {
      fuse_statfs_out out{};
      out.st.blocks = out.st.bfree = out.st.bavail = 1U << 20U;
      out.st.bsize = out.st.frsize = 4096;
      out.st.namelen = 255;
      return bytes_of(out);
    }
    case FUSE_FLUSH:
    case FUSE_FSYNC:
    case FUSE_FSYNCDIR:
    case FUSE_RELEASE:
    case FUSE_RELEASEDIR:
    case FUSE_ACCESS:
      return std::string();
    case FUSE_SETXATTR:
    case FUSE_GETXATTR:
    case FUSE_LISTXATTR:
    case FUSE_REMOVEXATTR:
      return on_xattrs(header, body);
    default:
      return on_names(header, body);
  }
}

Reply MemoryFs::on_names(const fuse_in_header& header, std::string_view body) {
  const std::uint64_t id = header.nodeid;
  switch (header.opcode) {
    case FUSE_LOOKUP: {
      const auto found = nodes_[id].entries.find(take_name(body));
      return found == nodes_[id].entries.end() ? error(ENOENT) : entry(found->second);
    }
    case FUSE_MKNOD: {
      const auto in = take<fuse_mknod_in>(body);
      return make(header, take_name(body), in.mode, in.rdev, {});
    }
    case FUSE_MKDIR: {
      const auto in = take<fuse_mkdir_in>(body);
      return make(header, take_name(body), S_IFDIR | in.mode, 0, {});
    }
    case FUSE_CREATE: {
      const auto in = take<fuse_create_in>(body);
      auto made = make(header, take_name(body), in.mode, 0, {});
      return made ? Reply(*made + opened()) : made;
    }
    case FUSE_SYMLINK: {
      const std::string_view name = take_name(body);
      return make(header, name, S_IFLNK | 0777, 0, take_name(body));
    }
    case FUSE_LINK: {
      const auto in = take<fuse_link_in>(body);
      if (!nodes_[id].entries.emplace(take_name(body), in.oldnodeid).second) {
        return error(EEXIST);
      }
      ++nodes_[in.oldnodeid].nlink;
      return entry(in.oldnodeid);
    }
    case FUSE_UNLINK:
    case FUSE_RMDIR:
      return remove(id, take_name(body), header.opcode == FUSE_RMDIR);
    case FUSE_RENAME: {
      const auto in = take<fuse_rename_in>(body);
      const std::string_view name = take_name(body);
      return rename(id, name, in.newdir, take_name(body));
    }
    default:
      return error(ENOSYS);
  }
}

Reply MemoryFs::make(const fuse_in_header& header, std::string_view name, std::uint32_t mode,
                     std::uint32_t rdev, std::string_view target) {
  if (nodes_[header.nodeid].entries.contains(name)) {
    return error(EEXIST);
  }
  const std::uint64_t id = next_++;
  Node& node = nodes_[id];
  node.mode = mode;
  node.uid = header.uid;
  node.gid = header.gid;
  node.rdev = rdev;
  node.nlink = S_ISDIR(mode) ? 2 : 1;
  node.atime = node.mtime = node.ctime = now();
  node.data = target;
  node.parent = header.nodeid;
  nodes_[header.nodeid].entries.emplace(name, id);
  return entry(id);
}

Reply MemoryFs::remove(std::uint64_t dir, std::string_view name, bool is_directory) {
  const auto found = nodes_[dir].entries.find(name);
  if (found == nodes_[dir].entries.end()) {
    return error(ENOENT);
  }
  Node& node = nodes_[found->second];
  if (is_directory && !node.entries.empty()) {
    return error(ENOTEMPTY);
  }
  node.nlink = is_directory ? 0 : node.nlink - 1;
  node.ctime = now();
  nodes_[dir].entries.erase(found);
  return std::string();
}

Reply MemoryFs::rename(std::uint64_t dir, std::string_view name, std::uint64_t new_dir,
                       std::string_view new_name) {
  const auto found = nodes_[dir].entries.find(name);
  if (found == nodes_[dir].entries.end()) {
    return error(ENOENT);
  }
  const std::uint64_t id = found->second;
  if (nodes_[new_dir].entries.contains(new_name)) {
    auto removed = remove(new_dir, new_name, S_ISDIR(nodes_[id].mode));
    if (!removed) {
      return removed;
    }
  }
  nodes_[dir].entries.erase(nodes_[dir].entries.find(name));
  nodes_[new_dir].entries.emplace(new_name, id);
  nodes_[id].parent = new_dir;
  return std::string();
}

Reply MemoryFs::set_attr(std::uint64_t id, std::string_view body) {
  const auto in = take<fuse_setattr_in>(body);
  Node& node = nodes_[id];
  if ((in.valid & FATTR_MODE) != 0) {
    node.mode = in.mode;
  }
  if ((in.valid & FATTR_UID) != 0) {
    node.uid = in.uid;
  }
  if ((in.valid & FATTR_GID) != 0) {
    node.gid = in.gid;
  }
  if ((in.valid & FATTR_SIZE) != 0) {
    node.data.resize(in.size);
    node.mtime = now();
  }
  if ((in.valid & FATTR_ATIME) != 0) {
    node.atime = {.tv_sec = static_cast<time_t>(in.atime), .tv_nsec = in.atimensec};
  }
  if ((in.valid & FATTR_MTIME) != 0) {
    node.mtime = {.tv_sec = static_cast<time_t>(in.mtime), .tv_nsec = in.mtimensec};
  }
  node.ctime = now();
  return bytes_of(
      fuse_attr_out{.attr_valid = 0, .attr_valid_nsec = 0, .dummy = 0, .attr = attr(id)});
}

Reply MemoryFs::write(std::uint64_t id, std::string_view body) {
  const auto in = take<fuse_write_in>(body);
  const auto size = static_cast<std::uint32_t>(std::min<std::uint64_t>(in.size, writable_));
  if (size == 0 && in.size != 0) {
    return error(write_error_);
  }
  if (writable_ != UINT64_MAX) {
    writable_ -= size;
  }
  Node& node = nodes_[id];
  node.data.resize(std::max<std::size_t>(node.data.size(), in.offset + size));
  std::memcpy(node.data.data() + in.offset, body.data(), size);
  node.mtime = node.ctime = now();
  return bytes_of(fuse_write_out{.size = size, .padding = 0});
}

Reply MemoryFs::read_dir(std::uint64_t id, const fuse_read_in& in) {
  std::vector<std::pair<std::string, std::uint64_t>> all{{".", id}, {"..", nodes_[id].parent}};
  all.insert(all.end(), nodes_[id].entries.begin(), nodes_[id].entries.end());
  std::string out;
  for (std::uint64_t at = in.offset; at < all.size(); ++at) {
    const auto& [name, node] = all[at];
    fuse_dirent dirent{};
    dirent.ino = node;
    dirent.off = at + 1;
    dirent.namelen = static_cast<std::uint32_t>(name.size());
    dirent.type = IFTODT(nodes_[node].mode);
    std::string record = bytes_of(dirent) + name;
    record.resize(FUSE_DIRENT_ALIGN(record.size()));
    if (out.size() + record.size() > in.size) {
      break;
    }
    out += record;
  }
  return out;
}

Reply MemoryFs::on_xattrs(const fuse_in_header& header, std::string_view body) {
  auto& xattrs = nodes_[header.nodeid].xattrs;
  if (header.opcode == FUSE_SETXATTR) {
    fuse_setxattr_in in{};
    std::memcpy(&in, body.data(), FUSE_COMPAT_SETXATTR_IN_SIZE);
    body.remove_prefix(FUSE_COMPAT_SETXATTR_IN_SIZE);
    const std::string name(take_name(body));
    xattrs[name] = std::string(body.substr(0, in.size));
    nodes_[header.nodeid].ctime = now();
    return std::string();
  }
  if (header.opcode == FUSE_REMOVEXATTR) {
    return xattrs.erase(std::string(take_name(body))) == 0 ? error(ENODATA) : Reply(std::string());
  }
  const auto in = take<fuse_getxattr_in>(body);
  std::string value;
  if (header.opcode == FUSE_LISTXATTR) {
    for (const auto& [name, ignored] : xattrs) {
      value += name + '\0';
    }
  } else {
    const auto found = xattrs.find(take_name(body));
    if (found == xattrs.end()) {
      return error(ENODATA);
    }
    value = found->second;
  }
  if (in.size == 0) {
    return bytes_of(
        fuse_getxattr_out{.size = static_cast<std::uint32_t>(value.size()), .padding = 0});
  }
  return value.size() > in.size ? error(ERANGE) : Reply(value);
}

Reply MemoryFs::entry(std::uint64_t id) {
  fuse_entry_out out{};
  out.nodeid = id;
  out.attr = attr(id);
  return bytes_of(out);
}

fuse_attr MemoryFs::attr(std::uint64_t id) const {
  const Node& node = nodes_.at(id);
  fuse_attr result{};
  result.ino = id;
  result.size = node.data.size();
  result.blocks = (node.data.size() + 511) / 512;
  result.atime = static_cast<std::uint64_t>(node.atime.tv_sec);
  result.mtime = static_cast<std::uint64_t>(node.mtime.tv_sec);
  result.ctime = static_cast<std::uint64_t>(node.ctime.tv_sec);
  result.atimensec = static_cast<std::uint32_t>(node.atime.tv_nsec);
  result.mtimensec = static_cast<std::uint32_t>(node.mtime.tv_nsec);
  result.ctimensec = static_cast<std::uint32_t>(node.ctime.tv_nsec);
  result.mode = node.mode;
  result.nlink = node.nlink;
  result.uid = node.uid;
  result.gid = node.gid;
  result.rdev = node.rdev;
  result.blksize = 4096;
  return result;
}

}  // namespace nineroot::test
