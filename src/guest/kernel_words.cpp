#include "guest/kernel_words.h"

#include <charconv>

namespace nineroot::guest {
namespace {

constexpr std::string_view kOurs = "nineroot.";

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// Takes the next word off `rest`, without its quotes; empty at the end.
std::string take_word(std::string_view& rest) {
  while (!rest.empty() && is_space(rest.front())) {
    rest.remove_prefix(1);
  }
  std::string word;
  bool is_quoted = false;
  while (!rest.empty() && (is_quoted || !is_space(rest.front()))) {
    if (rest.front() == '"') {
      is_quoted = !is_quoted;
    } else {
      word.push_back(rest.front());
    }
    rest.remove_prefix(1);
  }
  return word;
}

bool take_number(std::string_view value, std::uint32_t& number) {
  const char* end = value.data() + value.size();
  const auto [stop, error] = std::from_chars(value.data(), end, number);
  return error == std::errc() && stop == end;
}

// False for a word that is not ours to know or whose value makes no sense.
bool obey(KernelWords& words, std::string_view key, std::string_view value) {
  if (key == "transport") {
    words.uses_tcp = value == "tcp";
    return value == "tcp" || value == "virtio";
  }
  if (key == "tag") {
    words.tag = value;
    return !value.empty();
  }
  if (key == "cache") {
    words.cache = value;
    return !value.empty();
  }
  if (key == "msize") {
    return take_number(value, words.msize);
  }
  if (key == "locktimeout") {
    return take_number(value, words.lock_timeout);
  }
  if (key == "ro") {
    words.is_read_only = true;
    return value.empty();
  }
  return false;
}

}  // namespace

KernelWords parse_kernel_words(std::string_view command_line) {
  KernelWords words;
  std::string_view rest = command_line;
  for (std::string word = take_word(rest); !word.empty() || !rest.empty(); word = take_word(rest)) {
    const std::string_view view = word;
    const std::size_t equals = view.find('=');
    const std::string_view key = view.substr(0, equals);
    const std::string_view value =
        equals == std::string_view::npos ? std::string_view() : view.substr(equals + 1);
    if (key == "init") {
      words.init = value;
    } else if (key.starts_with(kOurs)) {
      if (!obey(words, key.substr(kOurs.size()), value) && words.unknown.empty()) {
        words.unknown = word;
      }
    }
  }
  return words;
}

}  // namespace nineroot::guest
