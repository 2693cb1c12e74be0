// One front-end from connect to disconnect: its messages, its ring, and the handler that answers
// its guest.  Accepting connections and waiting for events are vhost_user_transport.h's business.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/failure.h"
#include "base/mailbox.h"
#include "base/unique_fd.h"
#include "transport/virtio_requests.h"
#include "virtio/vhost_user_backend.h"
#include "virtio/vhost_user_socket.h"
#include "wire/exchange.h"

namespace nineroot::transport {

/// Ends the handler's session when it goes.  One thread only; never blocks.
class VhostUserConnection final : private virtio::VringListener {
 public:
  /// `poll_for`: see AdaptivePoll.
  VhostUserConnection(UniqueFd socket, const std::string& tag,
                      AdaptivePoll::Clock::duration poll_for,
                      const wire::HandlerFactory& make_handler);
  ~VhostUserConnection() override;
  VhostUserConnection(const VhostUserConnection&) = delete;
  VhostUserConnection& operator=(const VhostUserConnection&) = delete;

  // What to poll for reading, and what to call then.

  [[nodiscard]] int socket_fd() const { return socket_.fd(); }

  /// Takes one message.  The failure says why the connection is over; `false` that the front-end
  /// has hung up.
  Outcome<bool> on_socket();

  /// -1 while there is nothing to poll.
  [[nodiscard]] int kick_fd() const { return backend_.ring().kick_fd(); }

  /// True if kick_fd() need not be read: watch it for its edges, and call settle_kick() before.
  [[nodiscard]] bool has_kick_counter() const { return backend_.ring().has_kick_counter(); }

  /// Takes what is in kick_fd() already: look at the ring after that.
  void settle_kick() {
    if (kick_fd() >= 0) {
      backend_.ring().drain_kick();
    }
  }

  void on_kick() {
    if (has_kick_counter()) {
      backend_.ring().note_kick();
    } else {
      backend_.ring().drain_kick();
    }
    requests_.kicked();
  }

  [[nodiscard]] int mailbox_fd() const { return mailbox_->fd(); }

  void on_mailbox() { mailbox_->run(); }

  /// Answers requests that wait in the ring; call it after any of the above.  True if there may be
  /// more to do at once.
  bool serve() { return requests_.serve(*handler_); }

  /// True if serve() must be called now and then because nobody kicks.
  [[nodiscard]] bool must_be_polled() const { return backend_.ring().must_be_polled(); }

 private:
  void ring_restarted() override;
  void ring_resumed() override;

  virtio::VhostUserSocket socket_;
  virtio::VhostUserBackend backend_;
  VirtioRequests requests_;
  std::shared_ptr<Mailbox> mailbox_;
  std::unique_ptr<wire::Handler> handler_;
};

/// A 9P mount tag as the device's configuration: length[2] tag.  Linux compares it whole, without
/// a NUL (net/9p/trans_virtio.c, p9_virtio_probe()).
[[nodiscard]] std::vector<std::byte> config_of_tag(const std::string& tag);

/// The longest tag that QEMU can show: its generic device has at most 256 bytes of configuration.
inline constexpr std::size_t kMaxTagSize = 254;

}  // namespace nineroot::transport
