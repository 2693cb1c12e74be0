#include "vm/interruption.h"

#include <sys/signalfd.h>

#include <cstring>

#include <pthread.h>

namespace nineroot::vm {

Outcome<Interruption> Interruption::watch() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    ::sigaddset(&set, signal);
  }
  UniqueFd signals(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals.is_open()) {
    return failure(Errno{errno}, "cannot watch for signals");
  }
  sigset_t before;
  ::pthread_sigmask(SIG_BLOCK, &set, &before);
  return Interruption(std::move(signals), before);
}

Interruption::~Interruption() {
  if (signals_.is_open()) {
    // What has come and was heeded is not to end the process on top.
    taken();
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
}

std::optional<int> Interruption::taken() {
  signalfd_siginfo info{};
  while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
    if (!first_) {
      first_ = static_cast<int>(info.ssi_signo);
    }
  }
  return first_;
}

Outcome<void> Interruption::check() {
  if (const auto signal = taken()) {
    return failure("interrupted: {}", ::strsignal(*signal));
  }
  return {};
}

}  // namespace nineroot::vm
