#include "storage/account_names.h"

#include <fcntl.h>

#include <charconv>
#include <string_view>

#include "storage/descriptor.h"
#include "storage/tree_walk.h"

namespace nineroot::storage {
namespace {

constexpr std::size_t kLargestDatabase = 16U << 20U;

Result<std::string> read_database(int root, Layout layout, std::string_view path) {
  const Place place = TRY(walk(root, layout, path, LastSymlink::follow));
  if (!place.exists()) {
    return fail(ENOENT);
  }
  const struct stat info = TRY(stat_of(place.inode.get()));
  if (!S_ISREG(info.st_mode)) {
    return fail(EINVAL);
  }
  const UniqueFd file = TRY(reopen(place.inode.get(), O_RDONLY));
  return read_all(file.get(), kLargestDatabase);
}

/// Lines "name:password:id:..."; the first of a name counts, as for getpwnam(3).
std::map<std::string, std::uint32_t> parse_database(std::string_view text) {
  std::map<std::string, std::uint32_t> ids;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t first = line.find(':');
    const std::size_t second = first == line.npos ? line.npos : line.find(':', first + 1);
    if (second == line.npos) {
      continue;
    }
    std::uint32_t id = 0;
    const char* const number = line.data() + second + 1;
    const auto [stop, error] = std::from_chars(number, line.data() + line.size(), id);
    if (error == std::errc{} && stop != number) {
      ids.emplace(line.substr(0, first), id);
    }
  }
  return ids;
}

std::optional<std::uint32_t> look_up(const std::map<std::string, std::uint32_t>& ids,
                                     const std::string& name) {
  const auto found = ids.find(name);
  return found == ids.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace

AccountNames::AccountNames(int root, Layout layout)
    : users_(parse_database(read_database(root, layout, "/etc/passwd").value_or(""))),
      groups_(parse_database(read_database(root, layout, "/etc/group").value_or(""))) {
}

std::optional<std::uint32_t> AccountNames::user(const std::string& name) const {
  return look_up(users_, name);
}

std::optional<std::uint32_t> AccountNames::group(const std::string& name) const {
  return look_up(groups_, name);
}

}  // namespace nineroot::storage
