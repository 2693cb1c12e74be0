// The work on one big file, `directory`/bulk: what dd and a database do.
#pragma once

#include <string>

#include "bench/workload/tally.h"

namespace nineroot::workload {

inline constexpr std::size_t kBulkPiece = 128UL << 10U;
inline constexpr std::size_t kPage = 4096;

struct Bulk {
  std::string directory;
  std::size_t size = 0;   ///< Of the file; a multiple of kBulkPiece.
  unsigned accesses = 0;  ///< Of the random steps.
};

Tally write_bulk(const Bulk& bulk);    ///< A new file in pieces of kBulkPiece, then fsync.
Tally read_bulk(const Bulk& bulk);     ///< In pieces of kBulkPiece.
Tally read_random(const Bulk& bulk);   ///< pread of pages at random places, POSIX_FADV_RANDOM.
Tally write_random(const Bulk& bulk);  ///< pwrite of pages at random places, then fsync.

}  // namespace nineroot::workload
