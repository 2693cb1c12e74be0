#include "vm/remove_machine.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "storage/dataset/btrfs.h"
#include "storage/directory_names.h"
#include "storage/remove_tree.h"
#include "vm/runtime.h"

namespace nineroot::vm {
namespace {

namespace fs = std::filesystem;

Outcome<void> check_is_in_home(const Machine& machine) {
  const fs::path home = TRY(home_directory());
  std::error_code error;
  if (!machine.is_bare_tree() &&
      fs::equivalent(machine.directory.parent_path(), home / "machines", error)) {
    return {};
  }
  return std::unexpected(
      Failure(fmt::format("{} is not a machine under {}", machine.name, home.string()))
          .with_hint("nineroot removes only machines that it created; remove a tree with rm"));
}

/// Subvolumes by their own call: read-only ones can be removed by no other.
Result<void> remove_subvolumes(int parent, const std::string& name, int depth) {
  const UniqueFd directory(
      ::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!directory.is_open()) {
    return {};
  }
  const std::vector<std::string> names = TRY(storage::directory_names(directory.get()));
  for (const std::string& one : names) {
    if (depth > 0) {
      TRY(remove_subvolumes(directory.get(), one, depth - 1));
    } else {
      TRY(storage::btrfs::remove(directory.get(), one));
    }
  }
  return {};
}

Result<void> remove_with_subvolumes(const fs::path& directory) {
  const UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.is_open()) {
    return fail_errno();
  }
  // Two levels: a directory for each snapshot, with its copies in it.
  TRY(remove_subvolumes(fd.get(), "snapshots", 1));
  TRY(remove_subvolumes(fd.get(), "work", 0));
  struct stat root{};
  if (::fstatat(fd.get(), "root", &root, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(root.st_mode)) {
    TRY(storage::btrfs::remove(fd.get(), "root"));
  }
  return storage::remove_tree(directory.string());
}

}  // namespace

Outcome<void> remove_machine(const Machine& machine) {
  TRY(check_is_in_home(machine));
  RuntimePaths runtime = RuntimePaths::of(machine);
  {
    // Nobody boots it while it goes.
    const RuntimeLock lock = TRY(RuntimeLock::acquire(machine));
    const fs::path doomed =
        machine.directory.parent_path() /
        fmt::format(".removed-{}-{}", machine.directory.filename().string(), ::getpid());
    std::error_code error;
    fs::rename(machine.directory, doomed, error);
    if (error) {
      return failure(Errno{error.value()}, "cannot remove {}", machine.directory.string());
    }
    const Result<void> removed = remove_with_subvolumes(doomed);
    if (!removed) {
      return std::unexpected(
          Failure(fmt::format("{} is gone, but not all of its files", machine.name),
                  removed.error())
              .with_hint(fmt::format("what is left is in {}", doomed.string())));
    }
  }
  std::error_code ignored;
  fs::remove_all(runtime.directory, ignored);
  return {};
}

}  // namespace nineroot::vm
