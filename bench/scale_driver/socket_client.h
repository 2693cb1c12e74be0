// A 9P session over a unix socket: what Client is over a ring.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "bench/ring_driver/child.h"
#include "bench/ring_driver/client.h"

namespace nineroot::bench {

class SocketClient {
 public:
  /// Connects to a server, `server`.  Throws std::runtime_error.
  SocketClient(const std::string& path, Child& server);

  /// Sends requests 0 to count - 1 at once, and does not wait; finish() does.
  void start(unsigned count, const MakeRequest& make);
  /// Throws std::runtime_error at a wrong reply.
  void finish();

 private:
  void receive(std::byte* to, std::size_t size);

  UniqueFd socket_;
  std::vector<Request> in_flight_;  ///< By tag.
  std::vector<std::byte> out_;
  std::vector<std::byte> in_;
};

}  // namespace nineroot::bench
