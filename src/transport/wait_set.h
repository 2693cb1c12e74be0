// What one thread waits for: a handful of descriptors, each at a place of its own.  epoll(7), as
// poll(2) enters and leaves every descriptor's queue at each call, and because an eventfd that is
// watched for its edges needs no read(2).
#pragma once

#include <array>
#include <bitset>
#include <cstddef>

#include "base/result.h"
#include "base/unique_fd.h"

namespace nineroot::transport {

/// One thread only.
class WaitSet {
 public:
  static constexpr std::size_t kPlaces = 8;
  using Ready = std::bitset<kPlaces>;

  struct Watched {
    int fd = -1;  ///< -1: nothing.
    /// Report each time that it becomes readable again, not as long as it is.
    bool is_edge = false;

    bool operator==(const Watched&) const = default;
  };

  using List = std::array<Watched, kPlaces>;

  /// The last watch() counts no more: a descriptor may be another file by now.
  void forget() { is_known_ = false; }

  /// Watches these from now on and nothing else.  True if it did not before: what is readable is
  /// reported then, by edge or not.  Never left half done.  Errors: EMFILE, ENFILE, ENOMEM, EPERM
  /// a descriptor that cannot be waited for.
  Result<bool> watch(const List& wanted);

  /// The places of what is readable or has hung up; none after `timeout_ms` (-1: never) or a
  /// signal.
  Result<Ready> wait(int timeout_ms);

 private:
  UniqueFd epoll_;
  List watched_;
  bool is_known_ = false;
};

}  // namespace nineroot::transport
