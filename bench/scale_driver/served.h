// A server with a session on its tree: what the benchmark sends requests to.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bench/ring_driver/client.h"
#include "bench/ring_driver/nineroot_device.h"
#include "bench/ring_driver/ring.h"
#include "bench/scale_driver/measure.h"
#include "bench/scale_driver/process_memory.h"
#include "wire/messages.h"

namespace nineroot::bench {

/// The fid that begin_session() attaches; others are the caller's.
inline constexpr std::uint32_t kRootFid = 0;

/// Name `i` of many; of usual length.
[[nodiscard]] std::string entry_name(unsigned i);

/// Another number below `count` for each `i`, in no order that a cache would know; `count` is no
/// multiple of 7919.
[[nodiscard]] unsigned scattered(unsigned i, unsigned count);

[[nodiscard]] wire::Twalk walk_to(std::uint32_t fid, std::uint32_t newfid,
                                  std::string_view name = {});

/// Fids first, first + 1 and so on go.
[[nodiscard]] MakeRequest clunk_from(std::uint32_t first);

/// `nineroot serve`, attached by vhost-user, with a session that has kRootFid.
class Served {
 public:
  /// `serve` is the command but for its socket.
  explicit Served(std::vector<std::string> serve);

  [[nodiscard]] Client& client() { return client_; }
  [[nodiscard]] Ring& ring() { return ring_; }
  [[nodiscard]] ProcessMemory memory() const { return memory_of(device_.pid()); }
  [[nodiscard]] std::size_t descriptors() const { return descriptors_of(device_.pid()); }

  /// CPU time when it has gone to sleep: the kernel adds up a running thread's time at its next
  /// tick only.
  [[nodiscard]] std::uint64_t settled_cpu() const;

  /// Requests 0 to count - 1, kSlots at a time.
  Cost run(unsigned count, const MakeRequest& make);

 private:
  GuestMemoryFile memory_file_;
  NinerootDevice device_;
  Ring ring_;
  Client client_;
};

}  // namespace nineroot::bench
