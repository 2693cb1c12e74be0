// The little of QEMU's machine protocol (QMP) that running a machine needs: commands without
// arguments, and events.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/failure.h"
#include "base/unique_fd.h"

namespace nineroot::vm {

/// "SHUTDOWN", "RESET" ...; `reason` is empty where QEMU gives none.
struct QmpEvent {
  std::string name;
  std::string reason;  ///< guest-shutdown, guest-reset, host-qmp-quit ...

  bool operator==(const QmpEvent&) const = default;
};

class Qmp {
 public:
  /// Takes a connected stream; waits up to `patience` for QEMU's greeting and leaves the
  /// negotiation mode.  Fails when QEMU ends meanwhile.
  static Outcome<Qmp> open(UniqueFd stream, std::chrono::milliseconds patience);

  /// Readable when receive() has something to do.
  [[nodiscard]] int fd() const { return stream_.get(); }

  /// All events that have arrived; never waits.  ECONNRESET when QEMU has closed the stream.
  Result<std::vector<QmpEvent>> receive();

  /// Sends a command without arguments ("quit", "system_powerdown") and does not wait for its
  /// answer; an error answer is logged by receive().
  Result<void> send(std::string_view command);

 private:
  explicit Qmp(UniqueFd stream) : stream_(std::move(stream)) {}

  Result<void> read_available();

  UniqueFd stream_;
  std::string received_;
  bool is_closed_ = false;
};

}  // namespace nineroot::vm
