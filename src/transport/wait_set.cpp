#include "transport/wait_set.h"

#include <sys/epoll.h>

#include <cerrno>

namespace nineroot::transport {

Result<bool> WaitSet::watch(const List& wanted) {
  if (is_known_ && wanted == watched_) {
    return false;
  }
  // A new set, never a changed one: what was closed meanwhile stays in the old one as long as
  // others have the same open file, and there is no way to take it out.
  UniqueFd made(::epoll_create1(EPOLL_CLOEXEC));
  if (!made.is_open()) {
    return fail_errno();
  }
  for (std::size_t place = 0; place < wanted.size(); ++place) {
    if (wanted[place].fd < 0) {
      continue;
    }
    epoll_event event{.events = EPOLLIN, .data = {.u64 = place}};
    if (wanted[place].is_edge) {
      event.events |= EPOLLET;
    }
    if (::epoll_ctl(made.get(), EPOLL_CTL_ADD, wanted[place].fd, &event) < 0) {
      return fail_errno();
    }
  }
  epoll_ = std::move(made);
  watched_ = wanted;
  is_known_ = true;
  return true;
}

Result<WaitSet::Ready> WaitSet::wait(int timeout_ms) {
  std::array<epoll_event, kPlaces> events;
  const int count =
      ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout_ms);
  if (count < 0 && errno != EINTR) {
    return fail_errno();
  }
  Ready ready;
  for (int i = 0; i < count; ++i) {
    ready.set(events[static_cast<std::size_t>(i)].data.u64);
  }
  return ready;
}

}  // namespace nineroot::transport
