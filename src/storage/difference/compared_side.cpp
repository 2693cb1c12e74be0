#include "storage/difference/compared_side.h"

#include "storage/descriptor.h"
#include "storage/directory_names.h"
#include "storage/entry_path.h"
#include "storage/file_system.h"

namespace nineroot::storage {

Outcome<std::string> clean_start(const std::string& path) {
  if (path.find_first_not_of('/') == std::string::npos) {
    return std::string();
  }
  return clean_path(path);
}

Outcome<ComparedSide> ComparedSide::of(const ComparedTree& tree) {
  const std::string clean = TRY(clean_start(tree.start));
  auto place = walk(tree.root, tree.layout, clean, LastSymlink::keep);
  if (place) {
    return ComparedSide(tree, std::move(*place));
  }
  if (place.error() == Errno{ENOENT} || place.error() == Errno{ENOTDIR}) {
    Place nowhere;
    nowhere.name = last_component(clean);
    return ComparedSide(tree, std::move(nowhere));
  }
  return failure(place.error(), "cannot read /{} of {}", printable(clean), tree.name);
}

Result<UniqueFd> ComparedSide::open(const std::string& name) const {
  const std::string& called = own(name);
  return called.empty() ? duplicate(descent_.fd()) : open_inode(descent_.fd(), called.c_str());
}

std::optional<InodeState> ComparedSide::original(const std::string& name,
                                                 const CompareOptions& options) const {
  if (!tree_.is_copy) {
    return std::nullopt;
  }
  const auto fd = open(name);
  return fd ? options.original(fd->get()) : std::nullopt;
}

Outcome<Found> ComparedSide::find(const std::string& name, const std::string& path) const {
  auto fd = open(name);
  if (!fd && fd.error() == Errno{ENOENT}) {
    return Found();
  }
  if (!fd) {
    return cannot_read(path, fd.error());
  }
  auto inode = read_guest_inode(tree_.layout, {descent_.fd(), own(name), fd->get()});
  if (!inode) {
    return cannot_read(path, inode.error());
  }
  return Found{.inode = std::move(*inode), .fd = std::move(*fd)};
}

Outcome<std::vector<std::string>> ComparedSide::enter(const std::string& name, UniqueFd directory,
                                                      const std::string& path) {
  auto names = directory_names(directory.get());
  if (!names && names.error() != Errno{ENOENT}) {  // ENOENT: removed since it was opened.
    return cannot_read(path, names.error());
  }
  std::vector<std::string> shown;
  if (names && !is_kernel_file_system(directory.get())) {
    shown = std::move(*names);
    std::erase_if(shown, [this](const auto& one) { return is_reserved_name(layout(), one); });
  }
  const std::string& called = own(name);
  const auto entered = descent_.enter(std::move(directory), called.empty() ? "." : called);
  if (!entered) {
    return cannot_read(path, entered.error());
  }
  return shown;
}

Outcome<void> ComparedSide::leave(const std::string& path) {
  const auto left = descent_.leave();
  return left ? Outcome<void>() : cannot_read(path, left.error());
}

std::unexpected<Failure> ComparedSide::cannot_read(const std::string& path, Errno cause) const {
  return failure(cause, "cannot read {} of {}", printable(path), tree_.name);
}

}  // namespace nineroot::storage
