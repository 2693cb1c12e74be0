// The identity model mapped-file (base/mapped_format.h): records are files beside what they
// describe, found by name; hard links share theirs by being hard links too.
#include <fcntl.h>
#include <sys/stat.h>

#include <map>
#include <mutex>
#include <tuple>

#include "fs/identity.h"
#include "fs/metadata_files.h"
#include "fs/sys.h"

namespace nineroot::fs {
namespace {

constexpr std::size_t kMaxMetadataSize = 4096;

struct IdLess {
  bool operator()(const InodeId& a, const InodeId& b) const {
    return std::tie(a.device, a.inode, a.birth) < std::tie(b.device, b.inode, b.birth);
  }
};

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
      return metadata::means_none(fd.error())
                 ? Result<mapped::Recorded>(mapped::Recorded{})
                 : Result<mapped::Recorded>(std::unexpected(fd.error()));
    }
    return read(fd->get());
  }

  std::uint32_t type_of_regular(int dir_fd, const char* name) override {
    const Target target{.fd = -1, .id = nullptr, .dir_fd = dir_fd, .name = name};
    const auto found = recorded(target);
    return found ? mapped::effective_mode(S_IFREG, found->mode) & S_IFMT : 0;
  }

  Result<void> record_new(const Target& target, const NewInode& inode) override {
    // A record that the host left behind may be hard-linked to another file's.
    (void)metadata::remove_record(target.dir_fd, target.name);
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
    has_aside_ = false;
    left_.clear();
    if (is_directory) {
      TRY(metadata::clear(dir_fd, name));
    }
    if (auto fd = metadata::open_record(dir_fd, name, O_RDWR)) {
      // Not removed yet: a record that other names share could not be made again.
      const auto aside = metadata::set_aside(dir_fd, name);
      has_aside_ = aside.has_value();
      if (!aside) {
        // On a full disk no name can be made, but what is there can go: after the file.
        if (aside.error() != Errno{EDQUOT} && aside.error() != Errno{ENOSPC}) {
          return aside;
        }
        left_ = name;
      }
      if (held != nullptr) {
        keep_record(*held, std::move(*fd));
      }
    }
    return {};
  }

  void undo_remove(int dir_fd, const char* name, const InodeId* held) override {
    if (held != nullptr) {
      forget(*held);
    }
    if (has_aside_) {
      (void)metadata::take_back(dir_fd, name);
    }
  }

  void after_remove(int dir_fd) override {
    if (has_aside_) {
      (void)metadata::remove_aside(dir_fd);
    } else if (!left_.empty()) {
      (void)metadata::remove_record(dir_fd, left_.c_str());
    }
  }

  Result<void> after_link(const Target& target, int dir_fd, const char* name) override {
    (void)metadata::remove_record(dir_fd, name);
    if (target.dir_fd < 0) {
      return link_nameless(target, dir_fd, name);
    }
    auto linked = metadata::link_record(target.dir_fd, target.name, dir_fd, name);
    if (!linked && linked.error() == Errno{ENOENT}) {
      return {};  // Nothing recorded of the source: the host's values are shown under both names.
    }
    return linked;
  }

  void after_rename(int dir_fd, const char* name, int new_dir_fd, const char* new_name) override {
    if (!metadata::rename_record(dir_fd, name, new_dir_fd, new_name)) {
      // The source had none; what described the replaced file must not describe this one.
      (void)metadata::remove_record(new_dir_fd, new_name);
    }
  }

  void forget(const InodeId& id) override {
    const std::lock_guard lock(mutex_);
    nameless_.erase(id);
  }

 private:
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
      return metadata::open_root_record(target.fd, flags);
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
    return metadata::open_record(target.dir_fd, target.name, flags);
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
    return metadata::link_record(shared->get(), dir_fd, name);
  }

  void keep_record(const InodeId& id, UniqueFd metadata) {
    Nameless kept;
    struct stat info{};
    if (::fstat(metadata.get(), &info) == 0 && info.st_nlink > 1) {
      kept.shared = std::move(metadata);
    } else {
      kept.recorded = read(metadata.get()).value_or(mapped::Recorded{});
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
  /// Whether before_remove() set a record aside; names change one at a time
  /// (NodeTable::names_mutex).
  bool has_aside_ = false;
  std::string left_;  ///< Else: whose record before_remove() left in its place.
};

}  // namespace

std::unique_ptr<Identity> make_mapped_file_identity() {
  return std::make_unique<MappedFileIdentity>();
}

}  // namespace nineroot::fs
