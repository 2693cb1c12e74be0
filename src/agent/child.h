// Starting a command in the guest: its streams, its user, its place.
#pragma once

#include <sys/types.h>

#include <array>
#include <functional>

#include "agent/message.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace nineroot::agent {

/// Our ends of a started command.  All are non-blocking.
struct Child {
  pid_t pid = -1;               ///< Also its session and process group.
  UniqueFd input;               ///< To its standard input, or its terminal.
  std::array<UniqueFd, 2> out;  ///< From its standard output and error; with a terminal only [0].
};

/// Forks.  The child becomes the user of the guest's /etc/passwd, goes to the directory (or /) and
/// executes; what goes wrong there it says on its standard error and exits 127 for a program that
/// is not there, else 126.  Errors: of pipe, posix_openpt, fork.
Result<Child> start_child(const Execute& request);

/// Forks.  The child has no other descriptors than its standard ones and exits with what `body`
/// returns; its streams are pipes.
Result<Child> start_function(const std::function<int()>& body);

}  // namespace nineroot::agent
