#include "vm/dataset/storage_use.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/descriptor.h"
#include "vm/dataset/pending_change.h"

namespace nineroot::vm {
namespace {

constexpr const char* kLock = "storage.lock";
constexpr const char* kWork = "work";

Outcome<UniqueFd> open_directory(const std::filesystem::path& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.is_open()) {
    return failure(Errno{errno}, "cannot open {}", path.string());
  }
  return fd;
}

Outcome<UniqueFd> machine_directory(const Machine& machine) {
  if (machine.is_bare_tree()) {
    return std::unexpected(
        Failure(
            fmt::format("{} is a bare tree, which has no data sets and no snapshots", machine.name))
            .with_hint(fmt::format("make it a machine: nineroot create NAME --from {} --in-place",
                                   machine.root.string())));
  }
  return open_directory(machine.directory);
}

}  // namespace

Outcome<StorageUse> StorageUse::open(const Machine& machine, UniqueFd directory, UniqueFd lock) {
  const UniqueFd root = TRY(open_directory(machine.root));
  const std::unique_ptr<storage::Driver> driver =
      TRY(storage::driver_of(root.get(), machine.directory.string()));
  Catalogue catalogue = TRY(read_catalogue(directory.get(), std::string(driver->name())));
  Snapshots snapshots = TRY(Snapshots::open(directory.get()));
  return StorageUse(machine, std::move(directory), std::move(lock), std::move(snapshots),
                    std::move(catalogue));
}

Outcome<StorageUse> StorageUse::look(const Machine& machine) {
  UniqueFd directory = TRY(machine_directory(machine));
  return open(machine, std::move(directory), UniqueFd());
}

Outcome<StorageUse> StorageUse::begin(const Machine& machine) {
  UniqueFd directory = TRY(machine_directory(machine));
  UniqueFd lock(::openat(directory.get(), kLock, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!lock.is_open()) {
    return failure(Errno{errno}, "cannot lock the storage of {}", machine.name);
  }
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return std::unexpected(
        Failure(fmt::format("another snapshot, rollback or change of the data sets of {} is under "
                            "way",
                            machine.name))
            .with_hint("wait until it has ended"));
  }
  TRY(finish_pending_change(machine, directory.get()));
  StorageUse use = TRY(open(machine, std::move(directory), std::move(lock)));
  TRY(use.snapshots_.sweep());
  return use;
}

Outcome<void> StorageUse::set_catalogue(Catalogue catalogue) {
  TRY(write_catalogue(directory_.get(), catalogue));
  catalogue_ = std::move(catalogue);
  return {};
}

Outcome<UniqueFd> StorageUse::open_live(const std::string& path) const {
  const UniqueFd root = TRY(open_directory(machine_.root));
  Result<UniqueFd> found = storage::open_directory_beneath(root.get(), path.substr(1));
  if (!found) {
    return std::unexpected(
        Failure(fmt::format("the data set {} of {} is not where it was", path, machine_.name),
                found.error())
            .with_hint("a directory on its way was moved or replaced: move it back"));
  }
  return std::move(*found);
}

Outcome<StorageUse::Slot> StorageUse::slot_of(const std::string& path) const {
  if (path == "/") {
    std::error_code error;
    const std::filesystem::path root = std::filesystem::canonical(machine_.root, error);
    UniqueFd parent = TRY(open_directory(root.parent_path()));
    return Slot{.parent = std::move(parent), .name = root.filename().string()};
  }
  const std::size_t slash = path.rfind('/');
  UniqueFd parent = TRY(open_live(slash == 0 ? "/" : path.substr(0, slash)));
  return Slot{.parent = std::move(parent), .name = path.substr(slash + 1)};
}

Outcome<UniqueFd> StorageUse::open_work() const {
  if (::mkdirat(directory_.get(), kWork, 0700) != 0 && errno != EEXIST) {
    return failure(Errno{errno}, "cannot make a directory to work in");
  }
  return open_directory(machine_.directory / kWork);
}

}  // namespace nineroot::vm
