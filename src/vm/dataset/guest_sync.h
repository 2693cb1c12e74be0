// What a guest does so that its snapshot holds more than what it happened to have written.
#pragma once

#include <string>
#include <vector>

#include "vm/dataset/snapshot.h"
#include "vm/machine.h"

namespace nineroot::vm {

struct GuestSync {
  Level level = Level::crash;  ///< What was reached, by `wanted` at most.
  std::string trouble{};       ///< Why not more, for people.
};

/// Through the agent: runs the executables in /etc/nineroot/freeze.d by their names with the
/// argument "freeze" (app), then sync(2) (synced).  Returns in bounded time whatever the guest
/// does.  A guest without hooks reaches `synced`.
[[nodiscard]] GuestSync sync_guest(const Machine& run, Level wanted);

/// The same executables in the opposite order with "thaw"; what they say is not waited for for
/// long.  Fine for guests that were not asked to freeze.
void thaw_guests(const std::vector<Machine>& runs);

}  // namespace nineroot::vm
