#include "vm/remove_machine.h"

#include <unistd.h>

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
    const Result<void> removed = storage::remove_tree(doomed.string());
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
