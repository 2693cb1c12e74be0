// Sends 9P messages through a ring, many in flight, and checks that each is answered as it should.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "bench/ring_driver/ring.h"
#include "wire/codec.h"
#include "wire/messages.h"

namespace nineroot::bench {

/// A request that lies in the room it was given.
struct Request {
  std::size_t size = 0;
  wire::MsgType type = wire::MsgType::Tversion;
  Payload payload = Payload::none;
  std::size_t payload_size = 0;
  /// The error that is the right answer; 0: the message's own reply is.
  std::uint32_t error = 0;
  /// As good: servers differ.
  std::uint32_t other_error = 0;
};

/// Throws std::runtime_error unless `reply` is what the request should be answered by.
void check_reply(std::span<const std::byte> reply, const Request& request);

/// Writes request `i` into `room`.
using MakeRequest = std::function<Request(unsigned i, std::span<std::byte> room)>;

class Client {
 public:
  explicit Client(Ring& ring) : ring_(ring) {}

  /// Sends requests 0 to count - 1, at most `depth` at a time.  Throws std::runtime_error at the
  /// first reply that is another than expected.
  void run(unsigned count, unsigned depth, const MakeRequest& make);

  /// Sends requests 0 to count - 1, at most kSlots, and does not wait; finish() does.
  void start(unsigned count, const MakeRequest& make);
  void finish();

  /// One request.
  template <class Message>
  void call(const Message& message) {
    run(1, 1, [&](unsigned, std::span<std::byte> room) { return plain(message, room); });
  }

  /// A request without payload, answered by its own reply or by `error`.
  template <class Message>
  static Request plain(const Message& message, std::span<std::byte> room, std::uint32_t error = 0) {
    return {.size = wire::encode(0, message, room), .type = Message::kType, .error = error};
  }

 private:
  void send(unsigned slot, unsigned i, const MakeRequest& make);
  /// Waits for a reply, checks it and returns its slot.
  unsigned receive();

  Ring& ring_;
  std::array<Request, kSlots> in_flight_;
  unsigned started_ = 0;
};

}  // namespace nineroot::bench
