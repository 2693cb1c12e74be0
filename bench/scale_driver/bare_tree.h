// The directories that BareCalls works in, and entries made by system calls alone.
#pragma once

#include <string>

#include "bench/ring_driver/bare_calls.h"

namespace nineroot::bench {

/// Fills an empty directory with what BareCalls opens.  Throws std::runtime_error.
void make_bare_tree(const std::string& path);

/// An empty file of the mapped format in `list`, as a server makes one.
void create_entry(BareCalls& calls, unsigned i);

}  // namespace nineroot::bench
