#include "session/lock_ranges.h"

#include <algorithm>

namespace nineroot::session {

using fs::LockLevel;
using fs::LockRange;

namespace {

/// Linux gives OFD locks of the guest this process number (-1).
constexpr std::uint32_t kNoProcess = UINT32_MAX;

bool overlap(const LockRange& a, const LockRange& b) {
  return a.first <= b.last && b.first <= a.last;
}

}  // namespace

LockRanges LockRanges::after(const LockOwner& owner, LockLevel level,
                             const LockRange& range) const {
  const bool has_own =
      std::ranges::any_of(held_, [&](const Held& held) { return held.owner.fid == owner.fid; });
  const auto is_replaced = [&](const Held& held) {
    if (!overlap(held.range, range)) {
      return false;
    }
    if (held.owner.fid == owner.fid) {
      return true;
    }
    if (held.owner.process != owner.process || owner.process == kNoProcess) {
      return false;
    }
    const bool may_be_flock = held.range.is_whole() && range.is_whole();
    return !may_be_flock || (level == LockLevel::none && !has_own);
  };
  LockRanges next;
  for (const Held& held : held_) {
    if (!is_replaced(held)) {
      next.held_.push_back(held);
      continue;
    }
    if (held.range.first < range.first) {
      next.held_.push_back({held.owner, held.level, {held.range.first, range.first - 1}});
    }
    if (held.range.last > range.last) {
      next.held_.push_back({held.owner, held.level, {range.last + 1, held.range.last}});
    }
  }
  if (level != LockLevel::none) {
    next.held_.push_back({owner, level, range});
  }
  return next;
}

LockRanges LockRanges::without(std::uint32_t fid) const {
  LockRanges next = *this;
  std::erase_if(next.held_, [fid](const Held& held) { return held.owner.fid == fid; });
  return next;
}

LockLevel LockRanges::level_at(std::uint64_t offset) const {
  LockLevel level = LockLevel::none;
  for (const Held& held : held_) {
    if (held.range.first <= offset && offset <= held.range.last) {
      level = std::max(level, held.level);
    }
  }
  return level;
}

LockLevel LockRanges::whole() const {
  LockLevel level = LockLevel::none;
  for (const Held& held : held_) {
    if (held.range.is_whole()) {
      level = std::max(level, held.level);
    }
  }
  return level;
}

std::vector<LockRanges::Segment> LockRanges::changes(const LockRanges& next) const {
  // Between two neighbouring borders the locks are the same.
  std::vector<std::uint64_t> borders = {0};
  for (const LockRanges* ranges : {this, &next}) {
    for (const Held& held : ranges->held_) {
      borders.push_back(held.range.first);
      if (held.range.last < LockRange::kLastByte) {
        borders.push_back(held.range.last + 1);
      }
    }
  }
  std::ranges::sort(borders);
  borders.erase(std::ranges::unique(borders).begin(), borders.end());
  std::vector<Segment> segments;
  for (std::size_t i = 0; i < borders.size(); ++i) {
    const std::uint64_t first = borders[i];
    const std::uint64_t last = i + 1 < borders.size() ? borders[i + 1] - 1 : LockRange::kLastByte;
    const Segment segment{{first, last}, level_at(first), next.level_at(first)};
    if (segment.before == segment.after) {
      continue;
    }
    if (!segments.empty() && segments.back().range.last + 1 == first &&
        segments.back().before == segment.before && segments.back().after == segment.after) {
      segments.back().range.last = last;
    } else {
      segments.push_back(segment);
    }
  }
  return segments;
}

}  // namespace nineroot::session
