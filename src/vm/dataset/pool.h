// Where machines are kept: `nineroot pool`.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/failure.h"
#include "storage/dataset/capabilities.h"

namespace nineroot::vm {

struct PoolRequest {
  std::filesystem::path directory;
  /// Bytes of a new btrfs in a file, which is mounted there; needs root.
  std::optional<std::uint64_t> loop_size{};
  /// That file; by default the directory's name and ".btrfs".
  std::filesystem::path image{};
};

struct Pool {
  std::filesystem::path directory;
  std::filesystem::path image;  ///< Empty without a loop.
  storage::Capabilities system;
};

/// Makes the directory ready for machines: NINEROOT_HOME can name it then.  With a loop it becomes
/// the mount point of a new file system that belongs to the user who called (through sudo, too);
/// nothing is left of one that fails.
Outcome<Pool> init_pool(const PoolRequest& request);

/// "20G", "512M", "1.5T": binary units, a plain number is bytes.  A Failure that is_usage() else.
Outcome<std::uint64_t> parse_size(const std::string& text);

}  // namespace nineroot::vm
