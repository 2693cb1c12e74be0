// SIGINT, SIGTERM and SIGHUP as something to poll, so that work which must clean up after itself is
// not ended in the middle.
#pragma once

#include <csignal>
#include <optional>

#include "base/failure.h"
#include "base/unique_fd.h"

namespace nineroot::vm {

/// While it lives the three signals wait to be taken; afterwards they do again what they did.
class Interruption {
 public:
  static Outcome<Interruption> watch();

  Interruption(Interruption&&) = default;
  Interruption& operator=(Interruption&&) = delete;
  ~Interruption();

  /// Readable when a signal has come.
  [[nodiscard]] int fd() const { return signals_.get(); }

  /// The first of the signals that came, if one has.
  std::optional<int> taken();

  /// A Failure that names the signal, once one has come.
  Outcome<void> check();

 private:
  Interruption(UniqueFd signals, sigset_t before) : signals_(std::move(signals)), before_(before) {}

  UniqueFd signals_;
  sigset_t before_;
  std::optional<int> first_;
};

}  // namespace nineroot::vm
