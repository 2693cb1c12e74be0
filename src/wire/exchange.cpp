#include "wire/exchange.h"

#include <array>
#include <cerrno>

#include "wire/types.h"

namespace nineroot::wire {
namespace {

std::array<std::byte, kRlerrorSize> rlerror(std::uint16_t tag, std::uint32_t ecode) {
  std::array<std::byte, kRlerrorSize> bytes{};
  bytes[0] = std::byte{kRlerrorSize};
  bytes[4] = static_cast<std::byte>(MsgType::Rlerror);
  bytes[5] = static_cast<std::byte>(tag);
  bytes[6] = static_cast<std::byte>(tag >> 8U);
  for (std::size_t i = 0; i < 4; ++i) {
    bytes[7 + i] = static_cast<std::byte>(ecode >> (8 * i));
  }
  return bytes;
}

}  // namespace

Pending::~Pending() {
  if (sink_ != nullptr) {
    sink_->finish(slot_, rlerror(tag_, EIO));
  }
}

void Pending::complete(std::span<const std::byte> reply) && {
  std::exchange(sink_, nullptr)->finish(slot_, reply);
}

void Pending::drop() && {
  std::exchange(sink_, nullptr)->finish(slot_, {});
}

Exchange::~Exchange() {
  if (sink_ != nullptr) {
    sink_->finish(slot_, rlerror(tag_, EIO));
  }
}

void Exchange::complete(std::size_t size) && {
  std::exchange(sink_, nullptr)->finish_in_place(slot_, size);
}

Pending Exchange::detach() && {
  return {*std::exchange(sink_, nullptr), slot_, tag_, reply_.size()};
}

}  // namespace nineroot::wire
