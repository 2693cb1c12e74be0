#include "session/fid_table.h"

namespace nineroot::session {

FidTable::Places FidTable::no_places() {
  // Memory counts for more than the last cache line: Linux's numbers lie side by side anyway.
  constexpr float kMaxLoad = 0.8F;
  constexpr float kMinLoad = 0.1F;
  Places places;
  places.max_load_factor(kMaxLoad);
  places.min_load_factor(kMinLoad);
  return places;
}

Result<void> FidTable::put(std::uint32_t number, Fid fid) {
  if (const auto found = places_.find(number); found != places_.end()) {
    std::swap(fids_[found->second], fid);
    return {};
  }
  if (places_.size() >= kMaxFids) {
    return fail(ENFILE);
  }
  if (free_.empty()) {
    fids_.emplace_back();
    free_.push_back(static_cast<std::uint32_t>(fids_.size() - 1));
  }
  const std::uint32_t place = free_.back();
  places_.emplace(number, place);
  free_.pop_back();
  fids_[place] = std::move(fid);
  return {};
}

Result<Fid> FidTable::take(std::uint32_t number) {
  const auto found = places_.find(number);
  if (found == places_.end()) {
    return fail(EBADF);
  }
  const std::uint32_t place = found->second;
  free_.push_back(place);
  places_.erase(found);
  Fid fid = std::exchange(fids_[place], {});
  constexpr std::size_t kFew = 1024;
  constexpr std::size_t kSparse = 8;
  if (fids_.size() > kFew && fids_.size() / kSparse > places_.size()) {
    shrink();
  }
  return fid;
}

void FidTable::shrink() {
  std::deque<Fid> kept(places_.size());  // Out of memory: nothing has changed.
  std::uint32_t place = 0;
  for (auto entry = places_.begin(); entry != places_.end(); ++entry) {
    kept[place] = std::move(fids_[entry->second]);
    entry.value() = place++;
  }
  fids_ = std::move(kept);
  free_ = {};
}

void FidTable::clear() {
  places_ = no_places();
  free_ = {};
  // Locks and marks of fids that go look for nothing here.
  std::exchange(fids_, {}).clear();
}

}  // namespace nineroot::session
