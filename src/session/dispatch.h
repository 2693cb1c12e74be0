// The way from a message's type to its handler: one table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "session/session.h"

namespace nineroot::session {

struct Dispatch {
  /// Answers a request; its body is what follows the header.  A type without a row gets
  /// EOPNOTSUPP, a malformed body EPROTO, anything but Tversion before a session EPROTO.
  static void run(Session& session, wire::Exchange& exchange, std::uint8_t type,
                  std::span<const std::byte> body);

 private:
  using Answer = void (*)(Session&, wire::Exchange&, std::span<const std::byte>);

  /// The herald's answer to the herald, else the handler's.
  template <class Message>
  static auto answer_to(Session& session, const Message& message);

  /// A handler that returns its reply.
  template <class Message>
  static void simple(Session& session, wire::Exchange& exchange, std::span<const std::byte> body);

  /// A handler that completes the exchange itself.
  template <class Message, Result<void> (Session::*handler)(wire::Exchange&, const Message&)>
  static void direct(Session& session, wire::Exchange& exchange, std::span<const std::byte> body);

  struct Table;
};

}  // namespace nineroot::session
