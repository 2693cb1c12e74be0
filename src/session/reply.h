// Session::reply(): a whole R-message into the room of its exchange.
#pragma once

#include "session/session.h"

namespace nineroot::session {

template <class Message>
void Session::reply(wire::Exchange& exchange, const Message& message) {
  std::size_t size = wire::encode(exchange.tag(), message, scratch_);
  while (size == 0 && scratch_.size() < exchange.reply().size()) {
    scratch_.resize(std::min(exchange.reply().size(), scratch_.size() * 2));
    size = wire::encode(exchange.tag(), message, scratch_);
  }
  if (size == 0 || size > exchange.reply().size()) {
    return reply_error(exchange, Errno{EMSGSIZE});
  }
  exchange.reply().write(0, std::span(scratch_).first(size));
  std::move(exchange).complete(size);
}

}  // namespace nineroot::session
