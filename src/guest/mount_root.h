// Mounting the guest's root over 9P, whichever way it comes.
#pragma once

#include <string>

#include "guest/kernel_words.h"
#include "guest/report.h"

namespace nineroot::guest {

/// Mounts it at `target`.  Waits up to ten seconds for the device to appear.  The error says what
/// is missing.
Or<void> mount_root(const KernelWords& words, const std::string& target);

/// The options of mount(2).  `stream` is a connected socket, or -1 for virtio.
[[nodiscard]] std::string mount_options(const KernelWords& words, int stream, bool has_acls);

}  // namespace nineroot::guest
