// A change of a machine's tree in several steps, each a rename, which is finished whatever happens
// in between: pending.json beside the tree says what is to be done (docs/rollback.md).
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/failure.h"
#include "vm/dataset/catalogue.h"
#include "vm/machine.h"

namespace nineroot::vm {

/// What tells one directory from every other, through renames: a subvolume by its uuid, others by
/// inode number and birth time.
struct DirectoryIdentity {
  std::uint64_t inode = 0;
  std::int64_t birth_ns = 0;
  std::string uuid{};  ///< Hexadecimal; empty for what is no subvolume.

  /// `directory` is opened for reading.
  static Outcome<DirectoryIdentity> of(int directory);

  bool operator==(const DirectoryIdentity&) const = default;
};

/// One rename.  Both places are host paths without a symlink in them (realpath(3)); what has become
/// one since is not followed.
struct ChangeStep {
  enum class Kind : std::uint8_t {
    move,      ///< `what` goes from `from` to `to`, where nothing or an empty directory is.
    exchange,  ///< `what` goes from `from` to `to`, and what was there to `from`.
    remove,    ///< `what` is removed from `from` with all that is in it.
  };

  Kind kind = Kind::move;
  std::string from;
  std::string to;
  DirectoryIdentity what;
};

struct PendingChange {
  std::string operation;  ///< For people: "rollback to before-upgrade".
  std::vector<ChangeStep> steps;
  Catalogue catalogue;  ///< What the machine has when all is done.
};

/// Called before the journal is written, before each step and after the last: a test dies there.
/// Null in all but tests.
extern void (*at_change_step)(const char* where, std::size_t step);

/// Writes the journal, does the steps, has them on the disk, writes the catalogue, removes the
/// journal and machines/NAME/work.  Whoever calls has the right to (StorageUse), and the tree is
/// still.  A Failure after the journal was written leaves it there, to be finished later.
Outcome<void> carry_out(const Machine& machine, int directory, const PendingChange& change);

/// Goes on with what a journal says, if there is one; then removes machines/NAME/work.
Outcome<void> finish_pending_change(const Machine& machine, int directory);

/// What is pending, for people; empty if nothing is.
[[nodiscard]] std::string pending_operation(const std::filesystem::path& machine_directory);

}  // namespace nineroot::vm
