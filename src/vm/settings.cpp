// machine.toml: reading it strictly, so that a misspelt key is not silently nothing, and writing
// it with a comment per key for the people who edit it.
#include <algorithm>
#include <array>
#include <functional>

#include <fmt/format.h>
#include <toml++/toml.h>

#include "vm/machine.h"

namespace nineroot::vm {
namespace {

constexpr std::uint32_t kLeastMemoryMib = 64;
constexpr std::uint32_t kMostMemoryMib = 16U << 20U;
constexpr std::uint32_t kMostCpus = 1024;

/// Puts a value into its field; says what is expected instead if it does not fit.
using Take = std::string (*)(Settings& settings, const toml::node& value);

struct Key {
  const char* name;
  Take take;
};

template <std::uint32_t Settings::* Field, std::uint32_t kLeast, std::uint32_t kMost>
std::string take_number(Settings& settings, const toml::node& value) {
  const auto number = value.value_exact<std::int64_t>();
  if (!number || *number < kLeast || *number > kMost) {
    return fmt::format("a whole number from {} to {}", kLeast, kMost);
  }
  settings.*Field = static_cast<std::uint32_t>(*number);
  return "";
}

template <std::string Settings::* Field>
std::string take_text(Settings& settings, const toml::node& value) {
  const auto text = value.value_exact<std::string>();
  if (!text) {
    return "a text in quotes";
  }
  settings.*Field = *text;
  return "";
}

std::string take_cache(Settings& settings, const toml::node& value) {
  constexpr std::array<std::string_view, 3> kCaches = {"mmap", "loose", "none"};
  const auto text = value.value_exact<std::string>();
  if (!text || std::ranges::find(kCaches, *text) == kCaches.end()) {
    return "\"mmap\", \"loose\" or \"none\"";
  }
  settings.cache = *text;
  return "";
}

std::string take_identity(Settings& settings, const toml::node& value) {
  constexpr std::array<std::string_view, 4> kIdentities = {"mapped-xattr", "mapped-file",
                                                           "passthrough", "none"};
  const auto text = value.value_exact<std::string>();
  if (!text || std::ranges::find(kIdentities, *text) == kIdentities.end()) {
    return "\"mapped-xattr\", \"mapped-file\", \"passthrough\" or \"none\"";
  }
  settings.identity = *text;
  return "";
}

std::string take_multidevs(Settings& settings, const toml::node& value) {
  constexpr std::array<std::string_view, 3> kWays = {"remap", "forbid", "warn"};
  const auto text = value.value_exact<std::string>();
  if (!text || std::ranges::find(kWays, *text) == kWays.end()) {
    return "\"remap\", \"forbid\" or \"warn\"";
  }
  settings.multidevs = *text;
  return "";
}

std::string take_map(Settings& settings, const toml::node& value) {
  constexpr const char* kExpected = "a list of texts in quotes";
  const toml::array* rules = value.as_array();
  if (rules == nullptr) {
    return kExpected;
  }
  for (const toml::node& rule : *rules) {
    const auto text = rule.value_exact<std::string>();
    if (!text) {
      return kExpected;
    }
    settings.map.push_back(*text);
  }
  return "";
}

std::string take_shared(Settings& settings, const toml::node& value) {
  const auto truth = value.value_exact<bool>();
  settings.is_shared = truth.value_or(false);
  return truth ? "" : "true or false";
}

constexpr std::array<Key, 10> kKeys = {{
    {"memory_mib", take_number<&Settings::memory_mib, kLeastMemoryMib, kMostMemoryMib>},
    {"cpus", take_number<&Settings::cpus, 0, kMostCpus>},
    {"cache", take_cache},
    {"identity", take_identity},
    {"map", take_map},
    {"multidevs", take_multidevs},
    {"shared", take_shared},
    {"append", take_text<&Settings::append>},
    {"source", take_text<&Settings::source>},
    {"created", take_text<&Settings::created>},
}};

std::unexpected<Failure> at_line(const std::string& file, const toml::source_region& where,
                                 std::string_view what) {
  return std::unexpected(Failure(fmt::format("{}, line {}: {}", file, where.begin.line, what))
                             .with_hint("correct the file, or remove the line for the default"));
}

/// The bytes at the beginning of `text` that are one character of UTF-8; 0 for what is none.
std::size_t character_size(std::string_view text) {
  const auto byte = [&text](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned char first = byte(0);
  const std::size_t size = first < 0x80                    ? 1
                           : first >= 0xc2 && first < 0xe0 ? 2
                           : first >= 0xe0 && first < 0xf0 ? 3
                           : first >= 0xf0 && first < 0xf5 ? 4
                                                           : 0;
  if (size == 0 || size > text.size()) {
    return 0;
  }
  for (std::size_t at = 1; at < size; ++at) {
    if ((byte(at) & 0xc0U) != 0x80) {
      return 0;
    }
  }
  // Longer than need be, half of a UTF-16 pair, or beyond Unicode's end.
  const bool is_wrong = (first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) >= 0xa0) ||
                        (first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) >= 0x90);
  return is_wrong ? 0 : size;
}

/// Paths are bytes, TOML is UTF-8: what is none becomes U+FFFD, as the text is for people.
std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = character_size(std::string_view(text).substr(at));
    if (size != 1) {
      result += size == 0 ? "\\uFFFD" : text.substr(at, size);
      at += std::max<std::size_t>(size, 1);
      continue;
    }
    const char c = text[at++];
    if (c == '"' || c == '\\') {
      result += '\\';
      result += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      result += fmt::format("\\u{:04X}", static_cast<unsigned char>(c));
    } else {
      result += c;
    }
  }
  return result + "\"";
}

}  // namespace

Outcome<Settings> Settings::parse(std::string_view text, const std::string& file_name) {
  toml::table table;
  try {
    table = toml::parse(text, file_name);
  } catch (const toml::parse_error& error) {
    return at_line(file_name, error.source(), error.description());
  }
  Settings settings;
  for (const auto& [name, value] : table) {
    const auto key = std::ranges::find_if(
        kKeys, [&name = name](const Key& known) { return name.str() == known.name; });
    if (key == kKeys.end()) {
      return at_line(file_name, name.source(), fmt::format("unknown key '{}'", name.str()));
    }
    const std::string expected = key->take(settings, value);
    if (!expected.empty()) {
      return at_line(file_name, value.source(), fmt::format("{} must be {}", name.str(), expected));
    }
  }
  return settings;
}

std::string Settings::to_toml() const {
  std::string text =
      "# Settings of this machine, read by `nineroot boot` and `nineroot run`; edit freely.\n";
  text += fmt::format("memory_mib = {}\n", memory_mib);
  text += fmt::format("cpus = {}  # 0: as many as the host has, at most 4\n", cpus);
  text += fmt::format("cache = {}  # mmap, loose or none\n", quoted(cache));
  text += "# How the tree records owners: mapped-xattr, mapped-file, passthrough or none.\n";
  text += fmt::format("identity = {}\n", quoted(identity));
  std::vector<std::string> rules;
  std::ranges::transform(map, std::back_inserter(rules), quoted);
  text += fmt::format("map = [{}]  # owners: rules of `nineroot serve --map`\n",
                      fmt::join(rules, ", "));
  text += fmt::format("multidevs = {}  # remap, forbid or warn\n", quoted(multidevs));
  text += fmt::format("shared = {}  # true: take the guest's locks on the host\n", is_shared);
  text += fmt::format("append = {}  # added to the kernel's command line\n", quoted(append));
  text += fmt::format("source = {}\n", quoted(source));
  text += fmt::format("created = {}\n", quoted(created));
  return text;
}

}  // namespace nineroot::vm
