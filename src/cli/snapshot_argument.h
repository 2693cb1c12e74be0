// NAME@SNAPSHOT on the command line.
#pragma once

#include <string>

#include "base/failure.h"

namespace nineroot::cli {

struct SnapshotArgument {
  std::string machine;   ///< Name or path.
  std::string snapshot;  ///< Empty if only a machine was named.

  /// Splits at the last '@' behind the last '/': neither a machine's name nor a snapshot's has one.
  static SnapshotArgument parse(const std::string& text);

  /// A Failure that is_usage() unless a snapshot was named.
  [[nodiscard]] Outcome<void> check_snapshot() const;
};

}  // namespace nineroot::cli
