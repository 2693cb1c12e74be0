// Errors as values on the request path: a positive errno, or the value.
// The rule where TRY may stand, and why, is docs/adr/0001-errors-as-values.md.
#pragma once

#include <cerrno>
#include <expected>
#include <string>
#include <utility>

namespace nineroot {

/// A positive Linux errno: the only error that the request path can carry, because Rlerror has
/// room for nothing else.
enum class Errno : int {};

template <class T>
using Result = std::expected<T, Errno>;

/// An error as any Result: `return fail(ENOENT);`
[[nodiscard]] inline std::unexpected<Errno> fail(int code) {
  return std::unexpected(Errno{code});
}

/// The error of the system call on the line above, from errno.
[[nodiscard]] inline std::unexpected<Errno> fail_errno() {
  return std::unexpected(Errno{errno});
}

[[nodiscard]] inline int code(Errno error) {
  return static_cast<int>(error);
}

/// "ENOENT" for traces and tests; the number in digits where libc has no name for it.
[[nodiscard]] std::string errno_name(Errno error);

/// "No such file or directory (ENOENT)" for people.
[[nodiscard]] std::string describe(Errno error);

}  // namespace nineroot

/// Evaluates an expression of type Result or Outcome; on error returns it from the enclosing
/// function.  Allowed only as a whole statement or as a whole initialiser:
///     TRY(f());    auto x = TRY(g());
/// never inside a larger expression: GCC 12 then skips the destructors of what was built so far.
#define TRY(expr)                                            \
  __extension__({                                            \
    auto&& try_result = (expr);                              \
    if (!try_result) [[unlikely]] {                          \
      return std::unexpected(std::move(try_result).error()); \
    }                                                        \
    std::move(try_result).value();                           \
  })
