// 9P for a virtual machine: a vhost-user device of virtio id 9, served on one thread.
//
// One thread takes the front-end's messages, walks the ring and runs the handler, so memory never
// changes under a request and a stop has nothing to drain.  What the handler hands to workers
// comes back through its mailbox, and keeps no pointer into guest memory.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "base/failure.h"
#include "base/log_budget.h"
#include "base/unique_fd.h"
#include "transport/transport.h"
#include "transport/unix_listener.h"
#include "transport/vhost_user_connection.h"
#include "transport/wait_set.h"
#include "wire/exchange.h"

namespace nineroot::transport {

struct VhostUserOptions {
  /// What the guest mounts: 1 to 254 bytes, no NUL.
  std::string tag;
  /// run() returns when the first front-end has gone.
  bool once = false;
  /// How long to look at an empty ring before sleeping, at most; see AdaptivePoll.  Nothing is
  /// looked at where there is only one CPU: the guest needs it.
  std::chrono::microseconds poll_for{8};
};

class VhostUserTransport final : public Transport {
 public:
  /// Listens at `path` at once: a VMM may connect before run().  One front-end at a time; others
  /// are turned away meanwhile.  Each gets a handler of its own.
  static Outcome<std::unique_ptr<Transport>> listen(const std::string& path,
                                                    VhostUserOptions options,
                                                    wire::HandlerFactory make_handler);

  /// Serves one front-end at the other end of `connected`, a Unix stream socket.
  static Outcome<std::unique_ptr<Transport>> adopt(UniqueFd connected, VhostUserOptions options,
                                                   wire::HandlerFactory make_handler);

  Outcome<void> run(int stop_fd) override;

 private:
  using Clock = std::chrono::steady_clock;

  VhostUserTransport(VhostUserOptions options, wire::HandlerFactory make_handler);

  void accept();
  void connect(UniqueFd socket);
  /// True if the connection is over.
  bool take_message();
  [[nodiscard]] bool may_accept() const;
  /// In milliseconds; -1 for ever.
  [[nodiscard]] int timeout() const;
  /// Makes wait_set_ what is to be waited for now.  True if it was something else before: then the
  /// ring may hold what nothing will tell of.
  Result<bool> watch(int stop_fd);
  /// The same, without the front-end if what it gave us cannot be waited for.
  Outcome<bool> watch_or_drop(int stop_fd);

  VhostUserOptions options_;
  wire::HandlerFactory make_handler_;
  std::optional<UnixListener> listener_;
  UniqueFd adopted_;
  std::unique_ptr<VhostUserConnection> connection_;
  WaitSet wait_set_;
  /// No looking at the listener before then: accepting failed for want of descriptors.
  Clock::time_point accept_after_{};
  LogBudget peer_log_{8};
};

}  // namespace nineroot::transport
