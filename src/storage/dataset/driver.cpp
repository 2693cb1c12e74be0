#include "storage/dataset/driver.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/unique_fd.h"
#include "storage/dataset/btrfs.h"
#include "storage/dataset/capabilities.h"
#include "storage/entry_path.h"
#include "storage/remove_tree.h"

namespace nineroot::storage {
namespace {

class BtrfsDriver : public Driver {
 public:
  [[nodiscard]] std::string_view name() const override { return "btrfs"; }

  [[nodiscard]] bool is_instant() const override { return true; }

  Outcome<void> create(int parent, const std::string& name) const override {
    TRY(context(btrfs::create(parent, name), "cannot make the subvolume " + name));
    if (::fchmodat(parent, name.c_str(), 0700, 0) != 0) {
      return failure(Errno{errno}, "cannot make the subvolume {}", name);
    }
    return {};
  }

  Outcome<void> prepare(const SnapshotTask& task, const OnCopied&) const override {
    // The ioctl commits what is dirty: the less of it, the shorter it takes.
    if (::syncfs(task.source) != 0) {
      return failure(Errno{errno}, "cannot write {} to the disk", task.source_name);
    }
    return {};
  }

  Outcome<void> take(const SnapshotTask& task, const OnCopied&) const override {
    return context(btrfs::snapshot(task.source, task.parent, task.name, btrfs::Access::read_only),
                   "cannot snapshot " + task.source_name);
  }

  Outcome<void> clone(const SnapshotTask& task, const OnCopied&) const override {
    return context(btrfs::snapshot(task.source, task.parent, task.name, btrfs::Access::read_write),
                   "cannot clone " + task.source_name);
  }

  Outcome<void> remove(int parent, const std::string& name) const override {
    return context(btrfs::remove(parent, name), "cannot remove the subvolume " + name);
  }
};

/// Copies, which share their data where the file system lets them.
class CopyDriver : public Driver {
 public:
  explicit CopyDriver(std::string_view name) : name_(name) {}

  [[nodiscard]] std::string_view name() const override { return name_; }

  [[nodiscard]] bool is_instant() const override { return false; }

  Outcome<void> create(int parent, const std::string& name) const override {
    if (::mkdirat(parent, name.c_str(), 0700) != 0) {
      return failure(Errno{errno}, "cannot make the directory {}", printable(name));
    }
    return {};
  }

  Outcome<void> prepare(const SnapshotTask& task, const OnCopied& on_copied) const override {
    TRY(create(task.parent, task.name));
    TRY(copy(task, on_copied));
    const UniqueFd target = TRY(open(task.parent, task.name));
    if (::syncfs(target.get()) != 0) {
      return failure(Errno{errno}, "cannot write the copy of {} to the disk", task.source_name);
    }
    return {};
  }

  Outcome<void> take(const SnapshotTask& task, const OnCopied& on_copied) const override {
    if (::mkdirat(task.parent, task.name.c_str(), 0700) != 0 && errno != EEXIST) {
      return failure(Errno{errno}, "cannot make the directory {}", printable(task.name));
    }
    return copy(task, on_copied);
  }

  Outcome<void> clone(const SnapshotTask& task, const OnCopied& on_copied) const override {
    TRY(create(task.parent, task.name));
    return copy(task, on_copied, false);
  }

  Outcome<void> remove(int parent, const std::string& name) const override {
    return context(remove_tree(parent, name), "cannot remove " + printable(name));
  }

 private:
  static Outcome<UniqueFd> open(int parent, const std::string& name) {
    UniqueFd fd(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd.is_open()) {
      return failure(Errno{errno}, "cannot open {}", printable(name));
    }
    return fd;
  }

  static Outcome<void> copy(const SnapshotTask& task, const OnCopied& on_copied,
                            bool has_origins = true) {
    const UniqueFd target = TRY(open(task.parent, task.name));
    TRY(copy_tree({.root = task.source,
                   .name = task.source_name,
                   .left_out = task.left_out,
                   .has_origins = has_origins},
                  target.get(), on_copied));
    return {};
  }

  std::string_view name_;
};

}  // namespace

std::unique_ptr<Driver> driver_by_name(std::string_view name) {
  if (name == "btrfs") {
    return std::make_unique<BtrfsDriver>();
  }
  for (const std::string_view known : {"reflink", "copy"}) {
    if (name == known) {
      return std::make_unique<CopyDriver>(known);
    }
  }
  return nullptr;
}

Outcome<std::unique_ptr<Driver>> driver_of(int directory, const std::string& path) {
  if (btrfs::is_subvolume(directory)) {
    return driver_by_name("btrfs");
  }
  const Capabilities system = TRY(probe_capabilities(path));
  return driver_by_name(system.has_reflinks ? "reflink" : "copy");
}

}  // namespace nineroot::storage
