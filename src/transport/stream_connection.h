// 9P over one byte stream: a connected Unix or TCP socket.
#pragma once

#include <memory>
#include <vector>

#include "base/failure.h"
#include "base/unique_fd.h"
#include "wire/exchange.h"

namespace nineroot::transport {

/// Frames messages, feeds them to a handler one after the other, and sends what comes back.  Takes
/// no new request while the handler is full or the client does not read its replies, so a client
/// can make it hold no more than some MiB.  One thread.
class StreamConnection final : private wire::ReplySink {
 public:
  StreamConnection(UniqueFd socket, const wire::HandlerFactory& make_handler);
  ~StreamConnection() override;
  StreamConnection(const StreamConnection&) = delete;
  StreamConnection& operator=(const StreamConnection&) = delete;

  /// Serves until the client hangs up or `stop_fd` is readable.  Fails when the client breaks the
  /// framing, after which nothing it sends could be understood.
  Outcome<void> run(int stop_fd);

  /// True once the client has sent a whole message.
  [[nodiscard]] bool has_spoken() const { return has_spoken_; }

 private:
  void finish_in_place(std::uint64_t slot, std::size_t size) override;
  void finish(std::uint64_t slot, std::span<const std::byte> reply) override;

  /// False at the end of the stream.
  Outcome<bool> receive();
  Outcome<void> serve_frames();
  [[nodiscard]] bool has_whole_frame() const;
  void send(std::span<const std::byte> bytes);
  void flush();
  [[nodiscard]] bool may_take_requests() const;

  UniqueFd socket_;
  std::shared_ptr<Mailbox> mailbox_;
  std::vector<std::byte> input_;
  std::size_t begin_ = 0;  ///< What has been served of input_.
  std::unique_ptr<std::byte[]> reply_;
  std::vector<std::byte> output_;  ///< What the socket would not take yet.
  std::size_t sent_ = 0;           ///< Of output_.
  bool has_spoken_ = false;
  bool is_broken_ = false;  ///< The client no longer takes replies.
  std::unique_ptr<wire::Handler> handler_;
};

}  // namespace nineroot::transport
