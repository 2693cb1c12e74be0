// Extended attributes by path and by descriptor, file capabilities and ACLs among them.
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <set>
#include <string_view>
#include <vector>

#include "tests/stress/side.h"
#include "tests/stress/xattr_value.h"

namespace nineroot::stress {
namespace {

// The security module of the guest's kernel may add a name of its own on one side.
bool is_ours(const std::string& name) {
  return name != "security.selinux" && name != "security.SMACK64";
}

std::string describe_value(const std::byte* data, long size) {
  if (size < 0) {
    return answer_of(size);
  }
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%ld bytes, hash %016llx", size,
                static_cast<unsigned long long>(hash_of(data, static_cast<std::size_t>(size))));
  return text.data();
}

std::set<std::string> split(const std::vector<char>& list, long size) {
  std::set<std::string> names;
  for (long at = 0; at < size;) {
    const std::string name(list.data() + at);
    at += static_cast<long>(name.size()) + 1;
    if (is_ours(name)) {
      names.insert(name);
    }
  }
  return names;
}

std::string joined(const std::set<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    text += name + " ";
  }
  return text;
}

constexpr std::size_t kRoom = 8192;

}  // namespace

std::string describe_xattrs(const std::string& path) {
  std::vector<char> list(kRoom);
  const long size = ::llistxattr(path.c_str(), list.data(), list.size());
  if (size < 0) {
    return answer_of(-1);
  }
  std::string text;
  std::vector<std::byte> value(kRoom);
  for (const std::string& name : split(list, size)) {
    const long got = ::lgetxattr(path.c_str(), name.c_str(), value.data(), value.size());
    text += " " + name + "=" + describe_value(value.data(), got);
  }
  return text;
}

// Without *at calls for xattrs the path leads through the directory's descriptor; the last
// component is not followed if flags has the bit 8.
Answer Side::do_xattr(const Operation& op, int at) const {
  const std::string path = "/proc/self/fd/" + std::to_string(at) + "/" + op.path;
  const bool is_link = (op.flags & 8U) != 0;
  const char* name = op.path2.c_str();
  const int flags = static_cast<int>(op.flags & 3U);
  std::vector<std::byte> value(kRoom);
  switch (op.kind) {
    case Kind::set_xattr: {
      const std::vector<std::byte> bytes = xattr_value(op.path2, op.length, op.value);
      const auto set = is_link ? ::lsetxattr : ::setxattr;
      return answer_of(set(path.c_str(), name, bytes.data(), bytes.size(), flags));
    }
    case Kind::get_xattr: {
      const auto get = is_link ? ::lgetxattr : ::getxattr;
      return describe_value(
          value.data(), get(path.c_str(), name, value.data(),
                            op.length < 0 ? value.size() : static_cast<std::size_t>(op.length)));
    }
    case Kind::remove_xattr:
      return answer_of(is_link ? ::lremovexattr(path.c_str(), name)
                               : ::removexattr(path.c_str(), name));
    default: {
      std::vector<char> list(kRoom);
      const long size = is_link ? ::llistxattr(path.c_str(), list.data(), list.size())
                                : ::listxattr(path.c_str(), list.data(), list.size());
      return size < 0 ? answer_of(-1) : joined(split(list, size));
    }
  }
}

Answer Side::do_open_xattr(const Operation& op, int file) const {
  const char* name = op.path2.c_str();
  std::vector<std::byte> value(kRoom);
  switch (op.kind) {
    case Kind::fset_xattr: {
      const std::vector<std::byte> bytes = xattr_value(op.path2, op.length, op.value);
      return answer_of(
          ::fsetxattr(file, name, bytes.data(), bytes.size(), static_cast<int>(op.flags & 3U)));
    }
    case Kind::fget_xattr:
      return describe_value(value.data(), ::fgetxattr(file, name, value.data(), value.size()));
    case Kind::fremove_xattr:
      return answer_of(::fremovexattr(file, name));
    default: {
      std::vector<char> list(kRoom);
      const long size = ::flistxattr(file, list.data(), list.size());
      return size < 0 ? answer_of(-1) : joined(split(list, size));
    }
  }
}

}  // namespace nineroot::stress
