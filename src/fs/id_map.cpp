#include "fs/id_map.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace nineroot::fs {
namespace {

using Rule = IdRanges::Rule;

/// How one word of the grammar fills the two directions.
struct Word {
  std::string_view name;
  std::size_t numbers;  ///< Fields behind the word.
  std::optional<Rule> to_host;
  std::optional<Rule> to_guest;
};

constexpr std::array<Word, 6> kWords = {{
    {"map", 3, Rule::shift, Rule::shift},
    {"guest", 3, Rule::shift, std::nullopt},
    {"host", 3, std::nullopt, Rule::shift},
    {"squash-guest", 3, Rule::squash, std::nullopt},
    {"squash-host", 3, std::nullopt, Rule::squash},
    {"forbid-guest", 2, Rule::forbid, std::nullopt},
}};

std::unexpected<Failure> bad_rule(std::string_view rule, std::string what) {
  return std::unexpected(
      Failure(fmt::format("--map {}: {}", rule, what))
          .with_hint("say map:GUEST:HOST:COUNT, guest:GUEST:HOST:COUNT, host:HOST:GUEST:COUNT, "
                     "squash-guest:GUEST:HOST:COUNT, squash-host:HOST:GUEST:COUNT, "
                     "forbid-guest:GUEST:COUNT or squash-owner; uid: or gid: in front for one kind")
          .as_usage());
}

std::optional<std::uint32_t> parse_number(std::string_view text) {
  std::uint32_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || at != end) {
    return std::nullopt;
  }
  return number;
}

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t colon = text.find(':');
    parts.push_back(text.substr(0, colon));
    if (colon == std::string_view::npos) {
      return parts;
    }
    text.remove_prefix(colon + 1);
  }
}

/// 2^32 - 1 means "no id" in every interface of Linux, so ranges end before it.
bool fits(std::uint32_t first, std::uint32_t count) {
  return count > 0 && std::uint64_t{first} + count <= UINT32_MAX;
}

std::uint32_t translated(const IdRanges::Range& range, std::uint32_t id) {
  return range.rule == Rule::shift ? range.target + (id - range.first) : range.target;
}

}  // namespace

bool IdRanges::add(const Range& range) {
  const auto next = std::ranges::upper_bound(ranges_, range.first, {}, &Range::first);
  const std::uint64_t end = std::uint64_t{range.first} + range.count;
  if (next != ranges_.end() && next->first < end) {
    return false;
  }
  if (next != ranges_.begin()) {
    const Range& before = *std::prev(next);
    if (std::uint64_t{before.first} + before.count > range.first) {
      return false;
    }
  }
  ranges_.insert(next, range);
  return true;
}

const IdRanges::Range* IdRanges::find(std::uint32_t id) const {
  const auto next = std::ranges::upper_bound(ranges_, id, {}, &Range::first);
  if (next == ranges_.begin()) {
    return nullptr;
  }
  const Range& range = *std::prev(next);
  return id - range.first < range.count ? &range : nullptr;
}

Outcome<IdMap> IdMap::parse(std::span<const std::string> rules) {
  IdMap map;
  for (const std::string& rule : rules) {
    TRY(map.add(rule));
  }
  return map;
}

Outcome<void> IdMap::add(std::string_view rule) {
  if (rule == "squash-owner") {
    squashes_owner_ = true;
    return {};
  }
  std::vector<std::string_view> parts = split(rule);
  const bool only_uids = parts.front() == "uid";
  const bool only_gids = parts.front() == "gid";
  if (only_uids || only_gids) {
    parts.erase(parts.begin());
  }
  const auto word = std::ranges::find_if(
      kWords, [&](const Word& known) { return !parts.empty() && known.name == parts.front(); });
  if (word == kWords.end()) {
    return bad_rule(rule, "there is no such rule");
  }
  std::array<std::uint32_t, 3> numbers{};
  if (parts.size() != word->numbers + 1) {
    return bad_rule(rule, fmt::format("{} takes {} numbers", word->name, word->numbers));
  }
  for (std::size_t i = 0; i < word->numbers; ++i) {
    const auto number = parse_number(parts[i + 1]);
    if (!number) {
      return bad_rule(rule, fmt::format("'{}' is no id", parts[i + 1]));
    }
    numbers[i] = *number;
  }
  const std::uint32_t count = numbers[word->numbers - 1];
  const std::uint32_t first = numbers[0];
  const std::uint32_t target = word->numbers == 3 ? numbers[1] : 0;
  const bool is_shift = word->to_host.value_or(Rule::shift) == Rule::shift &&
                        word->to_guest.value_or(Rule::shift) == Rule::shift;
  if (!fits(first, count) || !fits(target, is_shift ? count : 1)) {
    return bad_rule(rule, "the range is empty or leaves the ids 0 to 4294967294");
  }
  const bool is_both = word->to_host && word->to_guest;
  for (Directions* directions : {&uids_, &gids_}) {
    if ((only_uids && directions == &gids_) || (only_gids && directions == &uids_)) {
      continue;
    }
    const bool is_new =
        (!word->to_host || directions->to_host.add({first, count, target, *word->to_host})) &&
        (!word->to_guest || directions->to_guest.add({is_both ? target : first, count,
                                                      is_both ? first : target, *word->to_guest}));
    if (!is_new) {
      return bad_rule(rule, "it overlaps a rule before it");
    }
  }
  is_identity_ = false;
  return {};
}

Result<std::uint32_t> IdMap::to_host(IdKind kind, std::uint32_t id) const {
  const IdRanges::Range* range = of(kind).to_host.find(id);
  if (range == nullptr) {
    return id;
  }
  if (range->rule == Rule::forbid) {
    return fail(EPERM);
  }
  return translated(*range, id);
}

std::uint32_t IdMap::to_guest(IdKind kind, std::uint32_t id) const {
  if (const IdRanges::Range* range = of(kind).to_guest.find(id)) {
    return translated(*range, id);
  }
  const IdRanges::Range* own = of(kind).to_host.find(id);
  return own != nullptr && own->rule == Rule::forbid ? kNobody : id;
}

}  // namespace nineroot::fs
