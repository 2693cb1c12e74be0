#include "cli/snapshot_argument.h"

namespace nineroot::cli {

SnapshotArgument SnapshotArgument::parse(const std::string& text) {
  const std::size_t at = text.rfind('@');
  const std::size_t slash = text.rfind('/');
  if (at == std::string::npos || (slash != std::string::npos && at < slash)) {
    return {.machine = text, .snapshot = ""};
  }
  return {.machine = text.substr(0, at), .snapshot = text.substr(at + 1)};
}

Outcome<void> SnapshotArgument::check_snapshot() const {
  if (!snapshot.empty()) {
    return {};
  }
  return std::unexpected(
      Failure(fmt::format("'{}' names no snapshot", machine))
          .with_hint(
              fmt::format("say {}@SNAPSHOT; `nineroot snapshots {}` shows them", machine, machine))
          .as_usage());
}

}  // namespace nineroot::cli
