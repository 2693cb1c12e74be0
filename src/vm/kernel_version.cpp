#include "vm/kernel_version.h"

#include <algorithm>

namespace nineroot::vm {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::string_view take_number(std::string_view& rest) {
  const auto end = std::ranges::find_if_not(rest, is_digit);
  std::string_view digits(rest.begin(), end);
  rest.remove_prefix(digits.size());
  digits.remove_prefix(std::min(digits.find_first_not_of('0'), digits.size()));
  return digits;
}

bool is_pre_release(std::string_view rest) {
  return rest.starts_with("-rc") || rest.starts_with("~");
}

}  // namespace

bool is_older_release(std::string_view left, std::string_view right) {
  while (!left.empty() || !right.empty()) {
    if (is_pre_release(left) != is_pre_release(right)) {
      return is_pre_release(left);
    }
    if (left.empty() || right.empty()) {
      return left.empty();
    }
    if (is_digit(left.front()) && is_digit(right.front())) {
      const std::string_view one = take_number(left);
      const std::string_view other = take_number(right);
      if (one.size() != other.size()) {
        return one.size() < other.size();
      }
      if (one != other) {
        return one < other;
      }
      continue;
    }
    if (left.front() != right.front()) {
      return left.front() < right.front();
    }
    left.remove_prefix(1);
    right.remove_prefix(1);
  }
  return false;
}

}  // namespace nineroot::vm
