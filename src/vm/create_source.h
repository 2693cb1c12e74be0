// What `create --from` names.
#pragma once

#include <filesystem>
#include <string>

#include "base/failure.h"
#include "base/unique_fd.h"

namespace nineroot::vm {

struct CreateSource {
  enum class Kind { debian, archive, directory };

  Kind kind = Kind::debian;
  std::string name;            ///< For messages and machine.toml.
  std::string suite;           ///< Of debian.
  UniqueFd fd;                 ///< Of an archive, for reading; of a directory, O_PATH.
  std::filesystem::path path;  ///< Of a directory, canonical.
  std::uint64_t size = 0;      ///< Of an archive, if it is known.
};

/// "debian:SUITE", "-" for standard input, a file or a directory (a machine's directory means its
/// tree).  Opens what it names, so that a missing one is told before any work.
Outcome<CreateSource> open_create_source(const std::string& from);

}  // namespace nineroot::vm
