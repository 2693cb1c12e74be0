#include "storage/guest_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/xattr.h>

#include <algorithm>

#include "storage/descriptor.h"
#include "storage/directory_names.h"
#include "storage/tree_walk.h"

namespace nineroot::storage {
namespace {

bool has_recorded_mode(int inode) {
  return ::getxattr(path_of(inode).c_str(), mapped::kXattrMode, nullptr, 0) >= 0;
}

bool has_entry(int directory, std::string_view name) {
  return open_inode(directory, std::string(name).c_str()).has_value();
}

Result<Layout> detect_layout(int root) {
  if (has_recorded_mode(root)) {
    return Layout::mapped_xattr;
  }
  const std::vector<std::string> names = TRY(directory_names(root));
  for (const std::string& name : names) {
    const auto inode = open_inode(root, name.c_str());
    if (inode && has_recorded_mode(inode->get())) {
      return Layout::mapped_xattr;
    }
  }
  if (has_entry(root, mapped::kMetadataRoot) || has_entry(root, mapped::kMetadataDir)) {
    return Layout::mapped_file;
  }
  return Layout::plain;
}

Result<GuestStat> stat_place(Layout layout, const Place& place) {
  if (!place.exists()) {
    return fail(ENOENT);
  }
  struct stat info = TRY(stat_of(place.inode.get()));
  const mapped::Recorded record = TRY(read_record(layout, place.named()));
  apply_record(info, record);
  return GuestStat{.mode = info.st_mode,
                   .uid = info.st_uid,
                   .gid = info.st_gid,
                   .rdev = info.st_rdev,
                   .size = static_cast<std::uint64_t>(info.st_size),
                   .mtime = info.st_mtim};
}

}  // namespace

Outcome<GuestTree> GuestTree::open(const std::filesystem::path& root,
                                   std::optional<Layout> layout) {
  UniqueFd fd(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd.is_open()) {
    return failure(Errno{errno}, "cannot open the tree {}", root.string());
  }
  if (!layout) {
    const Result<Layout> found = detect_layout(fd.get());
    if (!found) {
      return failure(found.error(), "cannot read the tree {}", root.string());
    }
    layout = *found;
  }
  return GuestTree(std::move(fd), *layout);
}

Result<GuestStat> GuestTree::stat(std::string_view path) const {
  const Place place = TRY(walk(root_.get(), layout_, path, LastSymlink::follow));
  return stat_place(layout_, place);
}

Result<GuestStat> GuestTree::stat_no_follow(std::string_view path) const {
  const Place place = TRY(walk(root_.get(), layout_, path, LastSymlink::keep));
  return stat_place(layout_, place);
}

Result<UniqueFd> GuestTree::open_file(std::string_view path) const {
  const Place place = TRY(walk(root_.get(), layout_, path, LastSymlink::follow));
  const GuestStat info = TRY(stat_place(layout_, place));
  if (info.is_directory()) {
    return fail(EISDIR);
  }
  if (!info.is_regular()) {
    return fail(EINVAL);
  }
  return reopen(place.inode.get(), O_RDONLY);
}

Result<std::string> GuestTree::read_file(std::string_view path, std::size_t limit) const {
  const UniqueFd file = TRY(open_file(path));
  return read_all(file.get(), limit);
}

Result<std::string> GuestTree::read_link(std::string_view path) const {
  const Place place = TRY(walk(root_.get(), layout_, path, LastSymlink::keep));
  if (!place.exists()) {
    return fail(ENOENT);
  }
  const struct stat info = TRY(stat_of(place.inode.get()));
  return read_target(layout_, place.named(), info);
}

Result<std::vector<std::string>> GuestTree::list(std::string_view path) const {
  const Place place = TRY(walk(root_.get(), layout_, path, LastSymlink::follow));
  if (!place.exists()) {
    return fail(ENOENT);
  }
  std::vector<std::string> names = TRY(directory_names(place.inode.get()));
  std::erase_if(names, [this](const auto& name) { return is_reserved_name(layout_, name); });
  std::ranges::sort(names);
  return names;
}

Result<std::string> GuestTree::canonical(std::string_view path) const {
  Place place = TRY(walk(root_.get(), layout_, path, LastSymlink::follow));
  if (!place.exists()) {
    return fail(ENOENT);
  }
  return std::move(place.path);
}

}  // namespace nineroot::storage
