// Operations as lines of text and back.
#include "tests/stress/operation.h"

#include <array>
#include <charconv>
#include <cstdio>

namespace nineroot::stress {
namespace {

constexpr std::array kNames = {
    "open",          "reopen",     "close",       "read",        "pread",      "write",
    "pwrite",        "seek",       "ftruncate",   "truncate",    "fsync",      "fdatasync",
    "lock",          "copy",       "map",         "map_read",    "map_write",  "map_sync",
    "unmap",         "mkdir",      "rmdir",       "unlink",      "rename",     "link",
    "link_open",     "symlink",    "readlink",    "mknod",       "bind",       "list",
    "sweep",         "deepen",     "stat",        "lstat",       "fstat",      "access",
    "chmod",         "fchmod",     "chown",       "lchown",      "fchown",     "utimens",
    "futimens",      "set_xattr",  "fset_xattr",  "get_xattr",   "fget_xattr", "remove_xattr",
    "fremove_xattr", "list_xattr", "flist_xattr", "drop_caches",
};
static_assert(kNames.size() == static_cast<std::size_t>(Kind::drop_caches) + 1);

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' ||
         c == '.' || c == '_' || c == '-';
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (is_plain(c)) {
      out += c;
    } else {
      std::array<char, 4> hex{};
      std::snprintf(hex.data(), hex.size(), "%%%02X", static_cast<unsigned char>(c));
      out += hex.data();
    }
  }
  return out;
}

std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16).ec == std::errc()) {
      out += static_cast<char>(value);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

template <typename Number>
bool read_number(std::string_view text, Number& number) {
  const bool is_hex = text.starts_with("0x");
  const std::string_view digits = is_hex ? text.substr(2) : text;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), number, is_hex ? 16 : 10);
  return error == std::errc() && end == digits.data() + digits.size();
}

// Calls body(name, field) for each field, in the order in which they are printed.
template <typename SomeOperation, typename Body>
void for_each_field(SomeOperation& operation, Body&& body) {
  body("user", operation.user);
  body("slot", operation.slot);
  body("at", operation.at);
  body("other", operation.other);
  body("path", operation.path);
  body("path2", operation.path2);
  body("offset", operation.offset);
  body("length", operation.length);
  body("flags", operation.flags);
  body("mode", operation.mode);
  body("value", operation.value);
}

std::string shown(std::string_view name, std::uint32_t number) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "0x%x", number);
  return std::string(name) + "=" + text.data();
}

std::string shown(std::string_view name, const std::string& text) {
  return std::string(name) + "=" + escaped(text);
}

template <typename Number>
std::string shown(std::string_view name, Number number) {
  return std::string(name) + "=" + std::to_string(number);
}

bool read_field(std::string_view text, std::string& field) {
  field = unescaped(text);
  return true;
}

template <typename Number>
bool read_field(std::string_view text, Number& field) {
  return read_number(text, field);
}

std::string_view take_word(std::string_view& rest) {
  const std::size_t end = rest.find(' ');
  const std::string_view word = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return word;
}

std::optional<Kind> kind_named(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (name == kNames[i]) {
      return static_cast<Kind>(i);
    }
  }
  return std::nullopt;
}

}  // namespace

std::string_view name_of(Kind kind) {
  return kNames[static_cast<std::size_t>(kind)];
}

std::string to_text(const Operation& operation) {
  std::string line(name_of(operation.kind));
  std::vector<std::string> defaults;
  const Operation none;
  for_each_field(none, [&defaults](std::string_view name, const auto& field) {
    defaults.push_back(shown(name, field));
  });
  std::size_t index = 0;
  for_each_field(operation, [&](std::string_view name, const auto& field) {
    if (const std::string text = shown(name, field); text != defaults[index++]) {
      line += " " + text;
    }
  });
  return line;
}

std::optional<Operation> parse_operation(std::string_view line) {
  Operation operation;
  const std::optional<Kind> kind = kind_named(take_word(line));
  if (!kind) {
    return std::nullopt;
  }
  operation.kind = *kind;
  while (!line.empty()) {
    const std::string_view word = take_word(line);
    const std::size_t equals = word.find('=');
    bool is_known = false;
    for_each_field(operation, [&](std::string_view name, auto& field) {
      if (equals != std::string_view::npos && word.substr(0, equals) == name) {
        is_known = read_field(word.substr(equals + 1), field);
      }
    });
    if (!is_known) {
      return std::nullopt;
    }
  }
  return operation;
}

std::string to_text(const std::vector<Operation>& operations) {
  std::string text;
  for (const Operation& operation : operations) {
    text += to_text(operation) + "\n";
  }
  return text;
}

std::optional<std::vector<Operation>> parse_operations(std::string_view text) {
  std::vector<Operation> operations;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty() || line.front() == '#') {
      continue;
    }
    const std::optional<Operation> operation = parse_operation(line);
    if (!operation) {
      return std::nullopt;
    }
    operations.push_back(*operation);
  }
  return operations;
}

}  // namespace nineroot::stress
