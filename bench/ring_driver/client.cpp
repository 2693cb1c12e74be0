#include "bench/ring_driver/client.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include <fmt/format.h>

namespace nineroot::bench {
namespace {

/// Where a message's tag is.
constexpr std::size_t kTagAt = 5;

}  // namespace

void Client::send(unsigned slot, unsigned i, const MakeRequest& make) {
  const std::span<std::byte> room = ring_.request(slot);
  const Request request = make(i, room);
  const auto tag = static_cast<std::uint16_t>(slot);
  std::memcpy(room.data() + kTagAt, &tag, sizeof(tag));
  if (request.payload == Payload::in_request) {
    const auto size = static_cast<std::uint32_t>(request.size + request.payload_size);
    std::memcpy(room.data(), &size, sizeof(size));
  }
  in_flight_.at(slot) = request;
  ring_.submit(slot, request.size, request.payload, request.payload_size);
}

unsigned Client::receive() {
  const unsigned slot = ring_.wait();
  check_reply(ring_.reply(slot), in_flight_.at(slot));
  return slot;
}

void Client::run(unsigned count, unsigned depth, const MakeRequest& make) {
  unsigned sent = 0;
  for (; sent < std::min(count, depth); ++sent) {
    send(sent, sent, make);
  }
  for (unsigned received = 0; received < count; ++received) {
    const unsigned slot = receive();
    if (sent < count) {
      send(slot, sent++, make);
    }
  }
}

void Client::start(unsigned count, const MakeRequest& make) {
  for (; started_ < count; ++started_) {
    send(started_, started_, make);
  }
}

void Client::finish() {
  for (; started_ > 0; --started_) {
    receive();
  }
}

void check_reply(std::span<const std::byte> reply, const Request& request) {
  const wire::Header header = wire::read_header(reply);
  std::uint32_t error = 0;
  if (header.type == static_cast<std::uint8_t>(wire::MsgType::Rlerror)) {
    std::memcpy(&error, reply.data() + wire::kHeaderSize, sizeof(error));
  } else if (header.type != static_cast<std::uint8_t>(request.type) + 1) {
    throw std::runtime_error(fmt::format("message type {} was answered by type {}",
                                         static_cast<unsigned>(request.type), header.type));
  }
  if (error != request.error && (error == 0 || error != request.other_error)) {
    throw std::runtime_error(fmt::format("message type {} was answered by error {} instead of {}",
                                         static_cast<unsigned>(request.type), error,
                                         request.error));
  }
  if (request.payload == Payload::in_reply && request.type == wire::MsgType::Tread &&
      header.size != wire::kReadHeaderSize + request.payload_size) {
    throw std::runtime_error(
        fmt::format("a read of {} bytes gave a reply of {}", request.payload_size, header.size));
  }
}

}  // namespace nineroot::bench
