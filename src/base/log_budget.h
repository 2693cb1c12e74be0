// How often one guest or one front-end may make us write to the log.
#pragma once

#include <atomic>
#include <string>

#include <fmt/format.h>

#include "base/log.h"

namespace nineroot {

/// Warns the first few times and says that it stops; later events are debug lines.  For what
/// somebody hostile can cause at will.  Thread-safe.
class LogBudget {
 public:
  explicit LogBudget(unsigned warnings) : left_(warnings) {}

  template <class... Args>
  void warn(fmt::format_string<Args...> format, Args&&... args) {
    const std::string text = fmt::format(format, std::forward<Args>(args)...);
    unsigned left = left_.load();
    while (left > 0 && !left_.compare_exchange_weak(left, left - 1)) {
    }
    if (left == 0) {
      log::debug("{}", text);
      return;
    }
    log::warn("{}{}", text, left == 1 ? " (further ones are not shown)" : "");
  }

 private:
  std::atomic<unsigned> left_;
};

}  // namespace nineroot
