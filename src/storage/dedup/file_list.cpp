#include "storage/dedup/file_list.h"

#include <fcntl.h>

#include <algorithm>

#include "storage/dedup/share_data.h"
#include "storage/descriptor.h"
#include "storage/entry_path.h"
#include "storage/file_system.h"

namespace nineroot::storage {
namespace {

/// The smallest block of file systems that can share data; in units of st_blocks.
constexpr blkcnt_t kBlock = 8;

}  // namespace

Outcome<void> FileList::add(const DedupTree& tree) {
  const auto number = static_cast<std::uint32_t>(trees_.size());
  trees_.push_back(tree);
  std::vector<Directory>& directories = directories_.emplace_back();
  TreeScan scan(tree.root, tree.name);
  Scanned found;
  while (true) {
    const bool is_there = TRY(scan.next(found));
    if (!is_there) {
      break;
    }
    if (S_ISDIR(found.host.st_mode)) {
      directories.push_back({.parent = found.directory, .name = found.name});
    }
    if (!S_ISREG(found.host.st_mode)) {
      continue;
    }
    ++seen_;
    if (found.host.st_blocks < kBlock) {
      continue;
    }
    const Volume& volume = volume_of(scan, found, tree.name);
    if (!volume.sharing.empty()) {
      files_.push_back({.tree = number,
                        .directory = found.directory,
                        .name = found.name,
                        .stamp = FileStamp::of(found.host),
                        .volume = &volume,
                        .hash = {}});
    }
  }
  unreadable_ += scan.unreadable();
  return {};
}

const Volume& FileList::volume_of(const TreeScan& scan, const Scanned& found,
                                  const std::string& tree) {
  static const Volume kUnknown;  // Of a file that may not be read: the next one may tell.
  const auto known = volumes_.find(found.host.st_dev);
  if (known != volumes_.end()) {
    return known->second;
  }
  const auto file = scan.open(found, O_RDONLY);
  if (!file) {
    return kUnknown;
  }
  Volume volume{.device = found.host.st_dev,
                .type = file_system_type(file->get()),
                .tree = tree,
                .sharing = {},
                .numbering = 0};
  const auto numbering = numbering_domain(file->get());
  if (probe_sharing(file->get()) && numbering) {
    volume.numbering = *numbering;
    volume.sharing = sharing_domain(file->get()).value_or("");
  }
  return volumes_.emplace(found.host.st_dev, std::move(volume)).first->second;
}

Result<UniqueFd> FileList::open(const ListedFile& file) {
  TRY(go_to(file));
  constexpr int kFlags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  UniqueFd fd(::openat(here_.get(), file.name.c_str(), kFlags | O_NOATIME));
  if (!fd.is_open() && errno == EPERM) {
    fd.reset(::openat(here_.get(), file.name.c_str(), kFlags));
  }
  if (!fd.is_open()) {
    return fail_errno();
  }
  const struct stat now = TRY(stat_of(fd.get()));
  if (now.st_dev != file.volume->device || FileStamp::of(now) != file.stamp) {
    return fail(ESTALE);
  }
  return fd;
}

Result<void> FileList::go_to(const ListedFile& file) {
  const std::pair place(file.tree, file.directory);
  if (here_.is_open() && place_ == place) {
    return {};
  }
  std::vector<const std::string*> names;
  const std::vector<Directory>& directories = directories_[file.tree];
  for (std::uint64_t at = file.directory; at != 0; at = directories[at].parent) {
    names.push_back(&directories[at].name);
  }
  UniqueFd current = TRY(duplicate(trees_[file.tree].root));
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    const int next =
        ::openat(current.get(), (*name)->c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (next < 0) {
      return fail_errno();
    }
    current.reset(next);
  }
  here_ = std::move(current);
  place_ = place;
  return {};
}

std::string FileList::describe(const ListedFile& file) const {
  std::string path = "/" + file.name;
  const std::vector<Directory>& directories = directories_[file.tree];
  for (std::uint64_t at = file.directory; at != 0; at = directories[at].parent) {
    path.insert(0, "/" + directories[at].name);
  }
  return trees_[file.tree].name + ": " + printable(path);
}

}  // namespace nineroot::storage
