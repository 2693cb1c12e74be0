// What grows: one function each, which makes its tree, measures at one size and prints.
#pragma once

#include <string>

namespace nineroot::bench {

struct Job {
  std::string tree;     ///< An empty directory.
  std::string program;  ///< nineroot.
  unsigned size = 0;
};

/// `size` entries in one directory: made, looked up, listed, removed.
void measure_directory(const Job& job);
/// `size` fids held: of inodes that are known, and of as many inodes.
void measure_fids(const Job& job);
/// A file below `size` directories.
void measure_depth(const Job& job);
/// `size` guests at work, each with a server of its own, on one tree.
void measure_guests(const Job& job);
/// `size` sessions of one server, over unix sockets.
void measure_sessions(const Job& job);

}  // namespace nineroot::bench
