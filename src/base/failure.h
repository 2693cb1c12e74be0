// Why something that a person asked for did not work: sentences, their causes, and what to do.
// For start-up, storage, vm and cli; the request path carries Errno (result.h).
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/result.h"

namespace nineroot {

/// `what` is a sentence without a full stop ("cannot open archive /srv/deb.tar"); `because` the
/// causes, nearest first; `hint` what to do next ("give a tar file, or - for standard input").
/// `usage` marks what the caller could have known from --help: exit status 2 instead of 1.
class Failure {
 public:
  explicit Failure(std::string what) : what_(std::move(what)) {}

  Failure(std::string what, Errno cause) : what_(std::move(what)), because_{describe(cause)} {}

  /// The same failure with `what` in front and the present sentence as its cause.
  [[nodiscard]] Failure within(std::string what) &&;
  [[nodiscard]] Failure with_hint(std::string hint) &&;
  [[nodiscard]] Failure as_usage() &&;

  [[nodiscard]] const std::string& what() const { return what_; }

  [[nodiscard]] const std::vector<std::string>& because() const { return because_; }

  [[nodiscard]] const std::string& hint() const { return hint_; }

  [[nodiscard]] bool is_usage() const { return is_usage_; }

  /// All of it, on lines that begin "nineroot: ", "  because: " and "  hint: ".
  [[nodiscard]] std::string text() const;

 private:
  std::string what_;
  std::vector<std::string> because_;
  std::string hint_;
  bool is_usage_ = false;
};

template <class T>
using Outcome = std::expected<T, Failure>;

/// `return failure("cannot open {}", path);`
template <class... Args>
[[nodiscard]] std::unexpected<Failure> failure(fmt::format_string<Args...> format, Args&&... args) {
  return std::unexpected(Failure(fmt::format(format, std::forward<Args>(args)...)));
}

/// As failure(), with an errno as its cause.
template <class... Args>
[[nodiscard]] std::unexpected<Failure> failure(Errno cause, fmt::format_string<Args...> format,
                                               Args&&... args) {
  return std::unexpected(Failure(fmt::format(format, std::forward<Args>(args)...), cause));
}

/// Turns a Result into an Outcome whose sentence is `what`, with the errno as its cause.
template <class T>
[[nodiscard]] Outcome<T> context(Result<T> result, std::string_view what) {
  if (!result) {
    return std::unexpected(Failure(std::string(what), result.error()));
  }
  if constexpr (std::is_void_v<T>) {
    return {};
  } else {
    return std::move(*result);
  }
}

}  // namespace nineroot
