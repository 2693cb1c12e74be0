#include "bench/scale_driver/socket_client.h"

#include <sys/socket.h>

#include <array>
#include <cstring>
#include <stdexcept>

#include "wire/codec.h"

namespace nineroot::bench {
namespace {

constexpr std::size_t kTagAt = 5;

}  // namespace

SocketClient::SocketClient(const std::string& path, Child& server)
    : socket_(connect_to(path, server)) {
}

void SocketClient::start(unsigned count, const MakeRequest& make) {
  out_.clear();
  in_flight_.clear();
  for (unsigned i = 0; i < count; ++i) {
    std::array<std::byte, kPage> room{};
    const Request request = make(i, room);
    const auto tag = static_cast<std::uint16_t>(i);
    std::memcpy(room.data() + kTagAt, &tag, sizeof(tag));
    out_.insert(out_.end(), room.begin(), room.begin() + static_cast<std::ptrdiff_t>(request.size));
    in_flight_.push_back(request);
  }
  if (::send(socket_.get(), out_.data(), out_.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(out_.size())) {
    throw std::runtime_error("the server takes no requests");
  }
}

void SocketClient::finish() {
  for (std::size_t left = in_flight_.size(); left > 0; --left) {
    in_.resize(wire::kHeaderSize);
    receive(in_.data(), in_.size());
    const wire::Header header = wire::read_header(in_);
    in_.resize(std::max<std::size_t>(header.size, wire::kHeaderSize));
    receive(in_.data() + wire::kHeaderSize, in_.size() - wire::kHeaderSize);
    check_reply(in_, in_flight_.at(header.tag));
  }
  in_flight_.clear();
}

void SocketClient::receive(std::byte* to, std::size_t size) {
  if (size > 0 && ::recv(socket_.get(), to, size, MSG_WAITALL) != static_cast<ssize_t>(size)) {
    throw std::runtime_error("the server hangs up");
  }
}

}  // namespace nineroot::bench
