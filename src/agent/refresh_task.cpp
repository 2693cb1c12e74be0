#include "agent/refresh_task.h"

#include <array>
#include <charconv>
#include <utility>

namespace nineroot::agent {
namespace {

constexpr std::size_t kMaxPath = 4095;
constexpr std::size_t kMaxName = 255;

using Kind = RefreshTask::Kind;

constexpr std::array<std::pair<char, Kind>, 4> kKinds = {
    {{'e', Kind::everything}, {'p', Kind::path}, {'n', Kind::names}, {'s', Kind::settle}}};

constexpr std::array<std::pair<char, bool RefreshTask::*>, 5> kFlags = {
    {{'n', &RefreshTask::is_new},
     {'c', &RefreshTask::has_content},
     {'a', &RefreshTask::has_attributes},
     {'d', &RefreshTask::is_directory},
     {'q', &RefreshTask::is_quiet}}};

// Takes up to and with the next space.
std::optional<std::string_view> take_word(std::string_view& rest) {
  const std::size_t space = rest.find(' ');
  if (space == std::string_view::npos) {
    return std::nullopt;
  }
  const std::string_view word = rest.substr(0, space);
  rest.remove_prefix(space + 1);
  return word;
}

bool read_number(std::string_view word, std::uint64_t& number) {
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  return error == std::errc() && end == word.data() + word.size();
}

bool read_flags(std::string_view word, RefreshTask& task) {
  for (const char letter : word) {
    bool is_known = false;
    for (const auto& [known, member] : kFlags) {
      if (letter == known) {
        is_known = true;
        task.*member = true;
      }
    }
    if (!is_known) {
      return false;
    }
  }
  return true;
}

}  // namespace

bool is_good_path(std::string_view path) {
  if (path.size() > kMaxPath || path.contains('\0')) {
    return false;
  }
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view name = path.substr(0, slash);
    if (name.empty() || name == "." || name == ".." || name.size() > kMaxName) {
      return false;
    }
    if (slash == std::string_view::npos) {
      return true;
    }
    path.remove_prefix(slash + 1);
    if (path.empty()) {
      return false;
    }
  }
  return true;
}

std::string encode(const RefreshTask& task) {
  std::string record;
  for (const auto& [letter, kind] : kKinds) {
    if (kind == task.kind) {
      record = letter;
    }
  }
  for (const auto& [letter, member] : kFlags) {
    if (task.*member) {
      record += letter;
    }
  }
  record += ' ' + std::to_string(task.number) + ' ' + std::to_string(task.size) + ' ' + task.path;
  record += '\0';
  return record;
}

std::optional<RefreshTask> decode_refresh_task(std::string_view record) {
  RefreshTask task;
  const std::string_view whole = record;
  const std::optional<std::string_view> flags = take_word(record);
  const std::optional<std::string_view> number = take_word(record);
  const std::optional<std::string_view> size = take_word(record);
  if (!flags || !number || !size || flags->empty() || !read_flags(flags->substr(1), task) ||
      !read_number(*number, task.number) || !read_number(*size, task.size) ||
      !is_good_path(record)) {
    return std::nullopt;
  }
  task.path = record;
  for (const auto& [letter, kind] : kKinds) {
    task.kind = letter == flags->front() ? kind : task.kind;
  }
  // One way to say each: also refuses unknown kinds, doubled flags and leading zeros.
  const std::string again = encode(task);
  return whole == std::string_view(again).substr(0, again.size() - 1) ? std::optional(task)
                                                                      : std::nullopt;
}

}  // namespace nineroot::agent
