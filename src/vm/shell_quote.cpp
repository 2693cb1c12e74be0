#include "vm/shell_quote.h"

namespace nineroot::vm {
namespace {

constexpr std::string_view kPlain =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=,+@%";

}  // namespace

std::string shell_quote(std::string_view word) {
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string_view::npos) {
    return std::string(word);
  }
  std::string quoted = "'";
  for (const char c : word) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

std::string shell_command(std::span<const std::string> argv) {
  std::string text;
  for (const std::string& word : argv) {
    if (!text.empty()) {
      text += word.starts_with('-') ? " \\\n  " : " ";
    }
    text += shell_quote(word);
  }
  return text;
}

}  // namespace nineroot::vm
