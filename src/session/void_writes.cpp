#include "session/void_writes.h"

#include <charconv>
#include <vector>

namespace nineroot::session {
namespace {

// Takes a number and the point behind it off the text.
Result<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || rest == end || *rest != '.') {
    return fail(EINVAL);
  }
  text.remove_prefix(static_cast<std::size_t>(rest - text.data()) + 1);
  return number;
}

}  // namespace

Result<void> VoidWrites::announce(const fs::NodeRef& node, std::string_view text) {
  forget();
  from_ = TRY(take_number(text));
  end_ = TRY(take_number(text));
  constexpr std::size_t kDigits = 2;
  if (text.size() != kDigits * pattern_.size()) {
    return fail(EINVAL);
  }
  for (std::size_t i = 0; i < pattern_.size(); ++i) {
    const char* digits = text.data() + kDigits * i;
    std::uint8_t value = 0;
    if (std::from_chars(digits, digits + kDigits, value, 16).ptr != digits + kDigits) {
      return fail(EINVAL);
    }
    pattern_[i] = std::byte{value};
  }
  node_ = node;
  return {};
}

bool VoidWrites::covers(const fs::Node& node, std::uint64_t offset, const IoVecs& data) const {
  if (!is_announced_for(node) || data.empty() || offset < from_ || offset > end_ ||
      data.size() > end_ - offset) {
    return false;
  }
  std::vector<std::byte> bytes(data.size());
  data.read(0, bytes);
  for (const std::byte byte : bytes) {
    if (byte != pattern_[offset++ % pattern_.size()]) {
      return false;
    }
  }
  return true;
}

}  // namespace nineroot::session
