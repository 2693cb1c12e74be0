// 9P over sockets: listens at a Unix path or a TCP address, or takes a socket that the caller
// opened.  Each connection has its own thread and handler.
#pragma once

#include <memory>
#include <string>

#include "base/unique_fd.h"
#include "transport/transport.h"
#include "wire/exchange.h"

namespace nineroot::transport {

struct StreamOptions {
  /// run() returns when the first connection has ended.
  bool once = false;
};

/// `address` is "unix:PATH" or "tcp:HOST:PORT" ("tcp:[::1]:564"; port 0: any free one).  Listens at
/// once.  A TCP client need not prove who it is: listen on loopback unless the network is trusted.
Outcome<std::unique_ptr<Transport>> listen_stream(const std::string& address, StreamOptions options,
                                                  wire::HandlerFactory make_handler);

/// Serves an inherited stream socket: one that listens, or one that is connected, after whose end
/// run() returns.
Outcome<std::unique_ptr<Transport>> adopt_stream(UniqueFd socket, StreamOptions options,
                                                 wire::HandlerFactory make_handler);

}  // namespace nineroot::transport
