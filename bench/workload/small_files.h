// The work on many small files: one function per measured step.  Each works in a directory of its
// own, so that processes side by side never meet; measuring is measure.h's business.
#pragma once

#include <string>

#include "bench/workload/tally.h"

namespace nineroot::workload {

/// One process's share: `count` files of 100 bytes in directories of 50 below `directory`.
struct Share {
  std::string directory;
  unsigned count = 0;
};

Tally create(const Share& share);      ///< open(O_CREAT), write, close; and the directories.
Tally stat_all(const Share& share);    ///< lstat of each file once.
Tally find(const Share& share);        ///< Names and types of the whole tree, as find(1) asks.
Tally walk(const Share& share);        ///< find, and lstat of each name: what git status asks.
Tally open_close(const Share& share);  ///< open(O_RDONLY) and close of each file.
Tally read_all(const Share& share);    ///< open, fstat, read to the end, close.
Tally missing(const Share& share);     ///< lstat of a name that is not there, for each file.
Tally append(const Share& share);      ///< 128 bytes to one open file, for each file.
Tally rename_all(const Share& share);  ///< Each file to another name in its directory, and back.
Tally unlink_all(const Share& share);  ///< Each file, not the directories.
Tally mixed(const Share& share);  ///< create, lstat, read, rename and unlink of each file in turn.
Tally create_and_stat(const Share& share);
Tally remove_all(const Share& share);  ///< rm -rf of the tree; also of one that others made.

}  // namespace nineroot::workload
