// How often one guest or one front-end may make us write to the log.
#pragma once

#include <string_view>

#include <fmt/format.h>

#include "base/log.h"

namespace nineroot::virtio {

/// Warns the first few times and says that it stops; later events are debug lines.  For what
/// somebody hostile can cause at will.
class LogBudget {
 public:
  explicit LogBudget(unsigned warnings) : left_(warnings) {}

  template <class... Args>
  void warn(fmt::format_string<Args...> format, Args&&... args) {
    const std::string text = fmt::format(format, std::forward<Args>(args)...);
    if (left_ == 0) {
      log::debug("{}", text);
      return;
    }
    --left_;
    log::warn("{}{}", text, left_ == 0 ? " (further ones are not shown)" : "");
  }

 private:
  unsigned left_;
};

}  // namespace nineroot::virtio
