// What the guest learns as an errno alone, said in words to whoever runs the server: a full or
// failing disk is not the guest's to mend.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/result.h"

namespace nineroot::fs {

/// Says each kind of trouble once, however often it comes: a guest can cause some of them at will.
/// Thread-safe.
class HostTrouble {
 public:
  /// A request is answered with this error.  Most errors are no trouble and are ignored.
  void note(Errno error);

 private:
  std::atomic<std::uint32_t> said_ = 0;  ///< A bit for each kind.
};

}  // namespace nineroot::fs
