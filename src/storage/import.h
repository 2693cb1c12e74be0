// Importing a tree: the loop that takes entries from a source and writes them, in a process of its
// own that can do nothing else, because archives come from strangers.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/failure.h"
#include "base/unique_fd.h"
#include "storage/layout.h"

namespace nineroot::storage {

struct ImportProgress {
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;  ///< Read of the source: of an archive as it is, compressed or not.
};

/// What is imported: an archive that is read from `fd`, or the tree below the directory `fd`.
struct ImportSource {
  int fd = -1;                   ///< Borrowed during start().
  std::string name;              ///< For messages.
  std::optional<Layout> layout;  ///< Of a directory; nothing: an archive.
  /// Of a directory: what belongs to the owner of the directory and has no owner recorded is
  /// root's, as with `serve --map squash-owner`.
  bool squashes_owner = false;
};

/// One import under way.
class Import {
 public:
  struct Done {
    ImportProgress progress;
    std::vector<std::string> warnings;
  };

  /// Starts the process that writes `source` into the empty directory `root` (borrowed).
  static Outcome<Import> start(const ImportSource& source, int root, Layout layout);

  Import(Import&&) = default;
  Import& operator=(Import&&) = delete;

  /// Ends the process if it still runs; what it wrote is left to the caller.
  ~Import();

  /// Readable when there is something to take.
  [[nodiscard]] int fd() const { return channel_.get(); }

  /// Takes one message; blocks until there is one.  True when the import has ended, well or not.
  bool take();

  [[nodiscard]] const ImportProgress& progress() const { return done_.progress; }

  /// How it ended; only after take() was true.  A process that died is a Failure.
  Outcome<Done> finish();

 private:
  Import(UniqueFd channel, pid_t process) : channel_(std::move(channel)), process_(process) {}

  UniqueFd channel_;
  pid_t process_;
  bool has_succeeded_ = false;
  std::optional<Failure> failure_;
  Done done_;
};

}  // namespace nineroot::storage
