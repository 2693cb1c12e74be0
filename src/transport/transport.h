// Carries 9P messages between a client and a Handler.  One thread each, on which the handler runs.
#pragma once

#include "base/failure.h"

namespace nineroot::transport {

class Transport {
 public:
  virtual ~Transport() = default;

  /// Serves until `stop_fd` is readable or the transport has nothing more to serve (the peer of
  /// an only connection is gone).  Call it once, on a thread of its own.  Fails only for what
  /// makes serving impossible; a bad client is logged and dropped.
  virtual Outcome<void> run(int stop_fd) = 0;
};

}  // namespace nineroot::transport
