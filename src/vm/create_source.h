// What `create --from` names.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/failure.h"
#include "base/unique_fd.h"
#include "storage/layout.h"

namespace nineroot::vm {

struct CreateSource {
  enum class Kind { debian, archive, directory };

  Kind kind = Kind::debian;
  std::string name;            ///< For messages and machine.toml.
  std::string suite;           ///< Of debian.
  UniqueFd fd;                 ///< Of an archive, for reading; of a directory, O_PATH.
  std::filesystem::path path;  ///< Of a directory, canonical.
  std::uint64_t size = 0;      ///< Of an archive, if it is known.
  /// Of a directory: how it records owners, and the rules by which its guest sees them (`--map`).
  /// A machine's are in its settings, a bare tree's are those that `boot` would find.
  storage::Layout layout = storage::Layout::plain;
  std::vector<std::string> map{};
};

/// "debian:SUITE", "-" for standard input, a file or a directory (a machine's directory means its
/// tree).  Opens what it names, so that a missing one is told before any work.
Outcome<CreateSource> open_create_source(const std::string& from);

}  // namespace nineroot::vm
