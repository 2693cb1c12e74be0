#include "base/failure.h"

namespace nineroot {

Failure Failure::within(std::string what) && {
  because_.insert(because_.begin(), std::move(what_));
  what_ = std::move(what);
  return std::move(*this);
}

Failure Failure::with_hint(std::string hint) && {
  hint_ = std::move(hint);
  return std::move(*this);
}

Failure Failure::as_usage() && {
  is_usage_ = true;
  return std::move(*this);
}

std::string Failure::text() const {
  std::string text = fmt::format("nineroot: {}\n", what_);
  for (const std::string& cause : because_) {
    text += fmt::format("  because: {}\n", cause);
  }
  if (!hint_.empty()) {
    text += fmt::format("  hint: {}\n", hint_);
  }
  return text;
}

}  // namespace nineroot
