// One path component that was checked: what every call on a directory takes.
#pragma once

#include <array>
#include <cstddef>
#include <cstring>
#include <string_view>

#include "base/result.h"

namespace nineroot::fs {

/// 1 to 255 bytes without '/' and NUL, and neither "." nor "..": it cannot lead out of the
/// directory that it is looked up in.  Any other byte is allowed.
class Name {
 public:
  /// Errors: ENOENT empty; ENAMETOOLONG over 255 bytes; EINVAL for the rest, "." and ".." too.
  static Result<Name> parse(std::string_view text) {
    if (text.empty()) {
      return fail(ENOENT);
    }
    if (text.size() > kMaxSize) {
      return fail(ENAMETOOLONG);
    }
    if (text == "." || text == ".." || text.find('/') != std::string_view::npos ||
        text.find('\0') != std::string_view::npos) {
      return fail(EINVAL);
    }
    return Name(text);
  }

  [[nodiscard]] const char* c_str() const { return text_.data(); }

  [[nodiscard]] std::string_view view() const { return {text_.data(), size_}; }

 private:
  static constexpr std::size_t kMaxSize = 255;  // NAME_MAX of every Linux file system.

  explicit Name(std::string_view text) : size_(text.size()) {
    std::memcpy(text_.data(), text.data(), text.size());
    text_[size_] = '\0';
  }

  std::array<char, kMaxSize + 1> text_;
  std::size_t size_;
};

}  // namespace nineroot::fs
