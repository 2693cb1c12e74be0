#include "storage/entry_path.h"

#include "storage/tree_walk.h"

namespace nineroot::storage {

Outcome<std::string> clean_path(std::string_view path) {
  if (path.empty()) {
    return failure("an entry has no name");
  }
  std::string clean;
  std::size_t depth = 0;
  for (std::string_view rest = path; !rest.empty();) {
    const std::size_t end = std::min(rest.find('/'), rest.size());
    const std::string_view name = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (name.empty() || name == ".") {
      continue;
    }
    if (name == ".." || name.find('\0') != std::string_view::npos) {
      return std::unexpected(Failure(fmt::format("refusing the name {}", printable(path)))
                                 .with_hint("names with '..' in them could lead out of the tree"));
    }
    if (name.size() > kLongestName) {
      return failure(Errno{ENAMETOOLONG}, "refusing the name {}", printable(path));
    }
    if (++depth > kDeepestPath) {
      return failure("refusing {}: more than {} directories deep", printable(path), kDeepestPath);
    }
    clean += clean.empty() ? "" : "/";
    clean += name;
  }
  return clean;
}

std::string escaped(std::string_view path) {
  std::string text;
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      text += fmt::format("\\x{:02x}", byte);
    } else {
      text += c;
    }
  }
  return text;
}

std::string printable(std::string_view path) {
  constexpr std::size_t kMost = 200;
  std::string text = escaped(path.substr(0, kMost));
  return path.size() > kMost ? text + "..." : text;
}

std::string_view parent_path(std::string_view clean) {
  const std::size_t slash = clean.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : clean.substr(0, slash);
}

std::string_view last_component(std::string_view clean) {
  const std::size_t slash = clean.rfind('/');
  return slash == std::string_view::npos ? clean : clean.substr(slash + 1);
}

}  // namespace nineroot::storage
