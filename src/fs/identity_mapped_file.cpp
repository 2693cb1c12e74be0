// The identity model mapped-file (base/mapped_format.h): records are files beside what they
// describe, found by name; hard links share theirs by being hard links too.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <map>
#include <mutex>
#include <tuple>
#include <vector>

#include "fs/identity.h"
#include "fs/sys.h"

namespace nineroot::fs {
namespace {

constexpr std::size_t kMaxMetadataSize = 4096;

std::string metadata_path(const char* name) {
  return std::string(mapped::kMetadataDir) + "/" + name;
}

/// The metadata directory of the directory `name`.
std::string metadata_path_in(const char* name) {
  return std::string(name) + "/" + std::string(mapped::kMetadataDir);
}

struct IdLess {
  bool operator()(const InodeId& a, const InodeId& b) const {
    return std::tie(a.device, a.inode, a.birth) < std::tie(b.device, b.inode, b.birth);
  }
};

/// The entries of a directory without "." and "..".
Result<std::vector<std::string>> names_in(int dir_fd, const char* name) {
  UniqueFd fd = TRY(sys::open_beneath(dir_fd, name, O_RDONLY | O_DIRECTORY));
  DIR* dir = ::fdopendir(fd.get());
  if (dir == nullptr) {
    return fail_errno();
  }
  [[maybe_unused]] const int owned_by_dir = fd.release();
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(dir)) {
    const std::string_view text = entry->d_name;
    if (text != "." && text != "..") {
      names.emplace_back(text);
    }
  }
  ::closedir(dir);
  return names;
}

class MappedFileIdentity : public Identity {
 public:
  [[nodiscard]] bool maps_types() const override { return true; }

  [[nodiscard]] bool needs_place() const override { return true; }

  [[nodiscard]] bool is_hidden(std::string_view name) const override {
    return name == mapped::kMetadataDir || name == mapped::kMetadataRoot;
  }

  [[nodiscard]] std::uint64_t hidden_links(int dir_fd) const override {
    const auto stat = sys::stat_at(dir_fd, std::string(mapped::kMetadataDir).c_str());
    return stat && S_ISDIR(stat->stx_mode) ? 1 : 0;
  }

  Result<mapped::Recorded> recorded(const Target& target) override {
    if (const auto kept = kept_record(target)) {
      return *kept;
    }
    auto fd = open_metadata(target, O_RDONLY);
    if (!fd) {
      if (fd.error() == Errno{ENOENT} || fd.error() == Errno{ENOTDIR}) {
        return mapped::Recorded{};
      }
      return std::unexpected(fd.error());
    }
    return read(fd->get());
  }

  std::uint32_t type_of_regular(int dir_fd, const char* name) override {
    const Target target{.fd = -1, .id = nullptr, .dir_fd = dir_fd, .name = name};
    const auto found = recorded(target);
    return mapped::effective_mode(S_IFREG, found ? found->mode : std::nullopt) & S_IFMT;
  }

  Result<void> record_new(const Target& target, const NewInode& inode) override {
    // A record that the host left behind may be hard-linked to another file's.
    (void)sys::unlink(target.dir_fd, metadata_path(target.name).c_str(), false);
    return update(target, true, [&](mapped::Recorded& recorded) {
      recorded = {.uid = inode.uid, .gid = inode.gid, .mode = inode.mode, .rdev = inode.rdev};
    });
  }

  Result<void> set_mode(const Target& target, std::uint32_t mode) override {
    return update(target, false, [&](mapped::Recorded& recorded) { recorded.mode = mode; });
  }

  Result<void> set_owner(const Target& target, std::optional<std::uint32_t> uid,
                         std::optional<std::uint32_t> gid) override {
    return update(target, false, [&](mapped::Recorded& recorded) {
      recorded.uid = uid ? uid : recorded.uid;
      recorded.gid = gid ? gid : recorded.gid;
    });
  }

  [[nodiscard]] std::optional<std::string> host_xattr_name(std::string_view name) const override {
    return mapped::host_xattr_name(name);
  }

  [[nodiscard]] std::optional<std::string> guest_xattr_name(std::string_view name) const override {
    return mapped::guest_xattr_name(name);
  }

  Result<void> before_remove(int dir_fd, const char* name, bool is_directory,
                             const InodeId* held) override {
    removed_.reset();
    if (is_directory) {
      TRY(empty_metadata_of(dir_fd, name));
    }
    const std::string path = metadata_path(name);
    if (auto fd = sys::open_beneath(dir_fd, path.c_str(), O_RDWR)) {
      if (auto recorded = read(fd->get())) {
        removed_ = *recorded;
      }
      if (held != nullptr) {
        keep_record(*held, std::move(*fd));
      }
      TRY(sys::unlink(dir_fd, path.c_str(), false));
    }
    return {};
  }

  void undo_remove(int dir_fd, const char* name, const InodeId* held) override {
    if (held != nullptr) {
      forget(*held);
    }
    if (removed_) {
      const Target target{.fd = -1, .id = nullptr, .dir_fd = dir_fd, .name = name};
      (void)update(target, true, [&](mapped::Recorded& recorded) { recorded = *removed_; });
    }
  }

  Result<void> after_link(const Target& target, int dir_fd, const char* name) override {
    const std::string path = metadata_path(name);
    (void)sys::unlink(dir_fd, path.c_str(), false);
    if (target.dir_fd < 0) {
      return link_nameless(target, dir_fd, name);
    }
    TRY(make_metadata_dir(dir_fd));
    auto linked =
        sys::link_at(target.dir_fd, metadata_path(target.name).c_str(), dir_fd, path.c_str());
    if (!linked && linked.error() == Errno{ENOENT}) {
      return {};  // Nothing recorded of the source: the host's values are shown under both names.
    }
    return linked;
  }

  void after_rename(int dir_fd, const char* name, int new_dir_fd, const char* new_name) override {
    const std::string to = metadata_path(new_name);
    (void)make_metadata_dir(new_dir_fd);
    if (!sys::rename(dir_fd, metadata_path(name).c_str(), new_dir_fd, to.c_str())) {
      // The source had none; what described the replaced file must not describe this one.
      (void)sys::unlink(new_dir_fd, to.c_str(), false);
    }
  }

  void forget(const InodeId& id) override {
    const std::lock_guard lock(mutex_);
    nameless_.erase(id);
  }

 private:
  static Result<void> make_metadata_dir(int dir_fd) {
    auto made = sys::make_dir(dir_fd, std::string(mapped::kMetadataDir).c_str(), 0700);
    if (!made && made.error() == Errno{EEXIST}) {
      return {};
    }
    return made;
  }

  static Result<mapped::Recorded> read(int fd) {
    std::string text(kMaxMetadataSize, '\0');
    IoVecs to(std::as_writable_bytes(std::span(text)));
    const std::size_t size = TRY(sys::read(fd, to, 0));
    text.resize(size);
    return mapped::decode_metadata(text);
  }

  /// Descriptor of the metadata file.  With O_CREAT in `flags` its directory is made too.
  Result<UniqueFd> open_metadata(const Target& target, int flags) {
    if (target.is_root) {
      return sys::open_beneath(target.fd, std::string(mapped::kMetadataRoot).c_str(), flags, 0600);
    }
    if (target.dir_fd < 0) {
      const std::lock_guard lock(mutex_);
      const auto found = target.id != nullptr ? nameless_.find(*target.id) : nameless_.end();
      if (found == nameless_.end() || !found->second.shared.is_open()) {
        return fail(ENOENT);
      }
      const int copy = ::fcntl(found->second.shared.get(), F_DUPFD_CLOEXEC, 0);
      if (copy < 0) {
        return fail_errno();
      }
      return UniqueFd(copy);
    }
    if ((flags & O_CREAT) != 0) {
      TRY(make_metadata_dir(target.dir_fd));
    }
    return sys::open_beneath(target.dir_fd, metadata_path(target.name).c_str(), flags, 0600);
  }

  /// Rewrites in place, so that hard links go on sharing: one write of the new text, then the cut.
  template <class Change>
  Result<void> update(const Target& target, bool is_new, Change change) {
    if (auto kept = kept_record(target)) {
      change(*kept);
      const std::lock_guard lock(mutex_);
      nameless_[*target.id].recorded = *kept;
      return {};
    }
    const bool can_create = target.is_root || target.dir_fd >= 0;
    UniqueFd fd = TRY(open_metadata(target, O_RDWR | (can_create ? O_CREAT : 0)));
    mapped::Recorded recorded;
    if (!is_new) {
      recorded = TRY(read(fd.get()));
    }
    change(recorded);
    std::string text = mapped::encode_metadata(recorded);
    const IoVecs from(std::as_writable_bytes(std::span(text)));
    const std::size_t written = TRY(sys::write(fd.get(), from, 0));
    if (written != text.size()) {
      return fail(ENOSPC);
    }
    return sys::truncate(fd.get(), text.size());
  }

  /// Removes the metadata directory of a directory that is about to be removed, with records left
  /// behind by files that the host deleted.  ENOTEMPTY if anything else is in the directory.
  static Result<void> empty_metadata_of(int dir_fd, const char* name) {
    const std::vector<std::string> entries = TRY(names_in(dir_fd, name));
    // All of them before any record goes: those of what stays are still needed.
    for (const std::string& entry : entries) {
      if (entry != mapped::kMetadataDir) {
        return fail(ENOTEMPTY);
      }
    }
    if (entries.empty()) {
      return {};
    }
    const std::string inner = metadata_path_in(name);
    const std::vector<std::string> stale = TRY(names_in(dir_fd, inner.c_str()));
    for (const std::string& record : stale) {
      TRY(sys::unlink(dir_fd, (inner + "/" + record).c_str(), false));
    }
    return sys::unlink(dir_fd, inner.c_str(), true);
  }

  /// The record of a held inode that has lost its name.
  struct Nameless {
    mapped::Recorded recorded;
    UniqueFd shared;  ///< The metadata file, if other names of the inode go on using it.
  };

  /// The new name of an inode that has lost the name by which it was known: shares the record with
  /// the inode's other names, or gets the one that was kept.
  Result<void> link_nameless(const Target& target, int dir_fd, const char* name) {
    const Target linked{.fd = -1, .id = nullptr, .dir_fd = dir_fd, .name = name};
    if (const auto kept = kept_record(target)) {
      return update(linked, true, [&](mapped::Recorded& recorded) { recorded = *kept; });
    }
    const auto shared = open_metadata(target, O_RDONLY);
    if (!shared) {
      return {};  // Nothing is recorded.
    }
    TRY(make_metadata_dir(dir_fd));
    return sys::link(shared->get(), dir_fd, metadata_path(name).c_str());
  }

  void keep_record(const InodeId& id, UniqueFd metadata) {
    Nameless kept;
    struct stat info{};
    if (::fstat(metadata.get(), &info) == 0 && info.st_nlink > 1) {
      kept.shared = std::move(metadata);
    } else {
      kept.recorded = removed_.value_or(mapped::Recorded{});
    }
    const std::lock_guard lock(mutex_);
    nameless_[id] = std::move(kept);
  }

  /// Nothing if the inode has a name, or shares its metadata file with another name.
  std::optional<mapped::Recorded> kept_record(const Target& target) {
    if (target.dir_fd >= 0 || target.is_root || target.id == nullptr) {
      return std::nullopt;
    }
    const std::lock_guard lock(mutex_);
    const auto found = nameless_.find(*target.id);
    if (found == nameless_.end() || found->second.shared.is_open()) {
      return std::nullopt;
    }
    return found->second.recorded;
  }

  std::mutex mutex_;
  std::map<InodeId, Nameless, IdLess> nameless_;
  /// What before_remove() took away last; names change one at a time (NodeTable::names_mutex).
  std::optional<mapped::Recorded> removed_;
};

}  // namespace

std::unique_ptr<Identity> make_mapped_file_identity() {
  return std::make_unique<MappedFileIdentity>();
}

}  // namespace nineroot::fs
