// Whether to look at an empty ring for a moment longer before sleeping.  A guest that sends its
// next request within a few microseconds of the last reply is served without a kick, a wake-up and
// the system calls around them; for one that does not, looking is given up until it is seen to be
// that fast again.  Where looks are in vain although sleeps are short, CPUs are short too: the
// guest gets one only while we sleep.  So each look in vain doubles the short sleeps before the
// next look.
#pragma once

#include <algorithm>
#include <chrono>

namespace nineroot::transport {

/// One thread only.  `TimeSource` is a clock of std::chrono; tests have one of their own.
template <class TimeSource>
class BasicAdaptivePoll {
 public:
  using Clock = TimeSource;

  /// `longest` is how long one look may take: about what sleeping and waking costs.  Zero: never
  /// look.
  explicit BasicAdaptivePoll(typename Clock::duration longest) : longest_(longest) {}

  /// The ring is empty.  Looks with `has_more` until it says yes or it has been long enough; says
  /// whether there is more.
  template <class HasMore>
  bool look(HasMore has_more) {
    if (longest_ == Clock::duration::zero()) {
      return false;
    }
    const typename Clock::time_point start = Clock::now();
    for (typename Clock::time_point now = start; now - start < window_; now = Clock::now()) {
      for (int i = 0; i < kLooksBetweenClocks; ++i) {
        pause();
        if (has_more()) {
          needed_ = std::max(needed_ / 2, 1U);
          return true;
        }
      }
    }
    if (window_ != Clock::duration::zero()) {
      needed_ = std::min(needed_ * 2, kMostNeeded);
      seen_ = 0;
      window_ = {};
    }
    empty_since_ = start;
    return false;
  }

  /// A kick ended the sleep after the last look().
  void woken() {
    seen_ = Clock::now() - empty_since_ < longest_ ? seen_ + 1 : 0;
    window_ = seen_ >= needed_ ? longest_ : Clock::duration::zero();
  }

 private:
  static constexpr int kLooksBetweenClocks = 8;
  static constexpr unsigned kMostNeeded = 256;

  static void pause() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
  }

  typename Clock::duration longest_;
  typename Clock::duration window_{};  ///< Of the next look.
  typename Clock::time_point empty_since_;
  unsigned needed_ = 1;  ///< Short sleeps in a row before the next look.
  unsigned seen_ = 0;
};

using AdaptivePoll = BasicAdaptivePoll<std::chrono::steady_clock>;

}  // namespace nineroot::transport
