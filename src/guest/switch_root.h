// Leaving the initramfs: the mounted root becomes /, the initramfs gives its memory back, and the
// guest's own init is found.
#pragma once

#include <string>

#include "guest/report.h"

namespace nineroot::guest {

/// Moves /dev, /proc and /sys into `root`, makes it / of this process and deletes the initramfs.
Or<void> switch_root(const std::string& root);

/// The program to start as the guest's init: `wanted` if not empty, else the first of the usual
/// places that can be executed.
Or<std::string> find_init(const std::string& wanted);

}  // namespace nineroot::guest
