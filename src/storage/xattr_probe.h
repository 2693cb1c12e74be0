// Whether a directory's file system can hold a mapped tree.
#pragma once

#include <string>

#include "base/failure.h"
#include "storage/layout.h"

namespace nineroot::storage {

/// Really sets and reads what the layout needs, on a file and a directory of its own that are
/// gone afterwards; the Failure says what the file system lacks.  `directory` is borrowed, `path`
/// is its name for messages.
Outcome<void> probe_layout(int directory, const std::string& path, Layout layout);

}  // namespace nineroot::storage
