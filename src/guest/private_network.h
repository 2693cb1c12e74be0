// The way to the 9P server where there is no virtio device for it: a TCP connection through a
// network card that is for this alone, in a network namespace that nothing else in the guest sees.
// Thus the guest may do with its own network what it likes without losing its root.
#pragma once

#include "base/unique_fd.h"
#include "guest/report.h"

namespace nineroot::guest {

/// Finds the card 52:54:00:39:50:01 (waits up to ten seconds), moves it into a network namespace
/// of its own, gives it 10.0.2.15/24 there and connects to 10.0.2.100:564.  The socket keeps the
/// namespace alive; the caller stays in its own.
Or<UniqueFd> connect_to_server();

}  // namespace nineroot::guest
