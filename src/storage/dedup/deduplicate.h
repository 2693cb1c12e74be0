// Lets files that hold the same bytes share them: across trees, while they are in use.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>

#include "base/failure.h"
#include "storage/dedup/file_list.h"
#include "storage/dedup/hash_index.h"

namespace nineroot::storage {

struct DedupReport {
  std::uint64_t files = 0;   ///< Regular files in the trees.
  std::uint64_t hashed = 0;  ///< Files that were read.
  std::uint64_t hashed_bytes = 0;
  std::uint64_t known = 0;          ///< Files whose hash the index knew.
  std::uint64_t shared_before = 0;  ///< Bytes of files that shared all of them already.
  std::uint64_t shared_files = 0;   ///< Files that share now, or would after a dry run.
  std::uint64_t shared_bytes =
      0;                         ///< Bytes of them; what others hold too (snapshots) is not freed.
  std::uint64_t changed = 0;     ///< Files that were written or went away meanwhile.
  std::uint64_t refused = 0;     ///< Files that are not ours to share, or cannot be.
  std::uint64_t unreadable = 0;  ///< Files and directories that may not be read.
};

struct DedupOptions {
  bool is_dry_run = false;      ///< Share nothing; all else, the index too, as ever.
  std::filesystem::path index;  ///< HashIndex's file; its directory exists.
  HashIndex::Keep keep = HashIndex::Keep::all;
};

/// What is being done, for people; each may be empty.
struct DedupWatch {
  std::function<void(const std::string& phase, std::uint64_t total_bytes)> begin;
  std::function<void(std::uint64_t bytes, std::uint64_t files)> update;
};

/// Whole files only: those of one size are hashed, those of one hash share the data of one of them,
/// as far as the kernel finds them equal.  Never writes to a file, nor changes its times.  A
/// Failure if no tree is on a file system that can share data; of those that cannot among others
/// the log tells.
Outcome<DedupReport> deduplicate(std::span<const DedupTree> trees, const DedupOptions& options,
                                 const DedupWatch& watch);

}  // namespace nineroot::storage
