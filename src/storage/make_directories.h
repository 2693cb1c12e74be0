// Making directories by a guest path.
#pragma once

#include <string_view>

#include "base/result.h"
#include "storage/guest_tree.h"

namespace nineroot::storage {

/// As GuestTree::make_directories(), for a tree that is only a descriptor.
Result<void> make_directories(int root, Layout layout, std::string_view path,
                              const Ownership& ownership);

}  // namespace nineroot::storage
