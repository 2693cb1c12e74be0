#include "vm/os_name.h"

#include <algorithm>

namespace nineroot::vm {
namespace {

constexpr std::size_t kLargestFile = 65536;
constexpr std::size_t kLongestName = 100;

// Shell quoting, as far as os-release(5) allows it.
std::string unquote(std::string_view value) {
  std::string plain;
  char quote = 0;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    if (quote == 0 && (c == '"' || c == '\'')) {
      quote = c;
    } else if (c == quote) {
      quote = 0;
    } else if (c == '\\' && quote != '\'' && i + 1 < value.size()) {
      plain += value[++i];
    } else {
      plain += c;
    }
  }
  return plain;
}

}  // namespace

std::string os_release_value(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.starts_with(key) && line.substr(key.size()).starts_with('=')) {
      return unquote(line.substr(key.size() + 1));
    }
  }
  return {};
}

std::string os_name(const storage::GuestTree& tree) {
  for (const char* file : {"/etc/os-release", "/usr/lib/os-release"}) {
    const Result<std::string> text = tree.read_file(file, kLargestFile);
    if (text) {
      std::string name = os_release_value(*text, "PRETTY_NAME").substr(0, kLongestName);
      // The guest wrote it, a terminal shows it.
      std::ranges::replace_if(name, [](char c) { return c < ' ' || c > '~'; }, '?');
      return name;
    }
  }
  return {};
}

}  // namespace nineroot::vm
