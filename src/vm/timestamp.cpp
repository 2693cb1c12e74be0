#include "vm/timestamp.h"

#include <charconv>
#include <cstdint>
#include <ctime>
#include <optional>

namespace nineroot::vm {

namespace {

std::string text_of(std::time_t now) {
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  char text[32];
  const std::size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return {text, size};
}

std::optional<std::time_t> point_in_time(const std::string& text) {
  std::tm utc{};
  const char* end = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &utc);
  if (end == nullptr || *end != '\0') {
    utc = {};
    end = ::strptime(text.c_str(), "%Y-%m-%d", &utc);
    utc.tm_hour = 23;
    utc.tm_min = 59;
    utc.tm_sec = 59;
  }
  if (end == nullptr || *end != '\0') {
    return std::nullopt;
  }
  return ::timegm(&utc);
}

std::optional<std::time_t> time_from_now(const std::string& text) {
  std::uint32_t count = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, count);
  if (error != std::errc() || end - rest != 1) {
    return std::nullopt;
  }
  const std::time_t unit = *rest == 'd' ? 86400 : *rest == 'h' ? 3600 : *rest == 'm' ? 60 : 0;
  return unit == 0 ? std::nullopt : std::optional(std::time(nullptr) + count * unit);
}

}  // namespace

std::string now_text() {
  return text_of(std::time(nullptr));
}

Outcome<std::string> parse_time(const std::string& text) {
  std::optional<std::time_t> time = point_in_time(text);
  if (!time) {
    time = time_from_now(text);
  }
  if (!time) {
    return std::unexpected(Failure(fmt::format("'{}' is no time", text))
                               .with_hint("say 2026-12-31, 2026-12-31T12:00:00Z, 30d, 12h or 45m")
                               .as_usage());
  }
  return text_of(*time);
}

}  // namespace nineroot::vm
