#include "session/guest_changes.h"

#include <functional>

namespace nineroot::session {
namespace {

enum class How : std::uint8_t { changed = 1, made = 2, removed = 3 };

// Whoever could make two of these collide would keep an event from himself.
std::uint64_t mix(std::uint64_t hash, std::uint64_t value) {
  hash = (hash ^ value) * 0x9e3779b97f4a7c15U;
  return hash ^ (hash >> 29U);
}

std::uint64_t hash_of(const fs::InodeId& file) {
  return mix(mix(mix(1, file.device), file.inode), static_cast<std::uint64_t>(file.birth));
}

std::uint64_t key_of(How how, const fs::InodeId& file, std::string_view name = {}) {
  const std::uint64_t named = mix(hash_of(file), std::hash<std::string_view>()(name));
  return mix(named, static_cast<std::uint64_t>(how)) | 1U;  // 0 is an empty slot.
}

std::uint64_t value_of(const timespec& time) {
  return mix(static_cast<std::uint64_t>(time.tv_sec), static_cast<std::uint64_t>(time.tv_nsec));
}

}  // namespace

void GuestChanges::put(std::uint64_t key, std::uint64_t value) {
  slots_[(key >> 1U) % kSlots] = {.key = key, .value = value};
}

bool GuestChanges::take(std::uint64_t key, std::uint64_t value) {
  Slot& slot = slots_[(key >> 1U) % kSlots];
  const bool is_it = slot.key == key && slot.value == value;
  if (is_it) {
    slot = {};
  }
  return is_it;
}

void GuestChanges::note(const fs::InodeId& file, const timespec& ctime) {
  put(key_of(How::changed, file), value_of(ctime));
}

void GuestChanges::note_made(const fs::InodeId& dir, std::string_view name,
                             const fs::InodeId& file) {
  put(key_of(How::made, dir, name), hash_of(file));
}

void GuestChanges::note_removed(const fs::InodeId& dir, std::string_view name) {
  put(key_of(How::removed, dir, name), 0);
}

bool GuestChanges::has_changed(const fs::InodeId& file, const timespec& ctime) const {
  const std::uint64_t key = key_of(How::changed, file);
  const Slot& slot = slots_[(key >> 1U) % kSlots];
  return slot.key == key && slot.value == value_of(ctime);
}

bool GuestChanges::take_made(const fs::InodeId& dir, std::string_view name,
                             const fs::InodeId& file) {
  return take(key_of(How::made, dir, name), hash_of(file));
}

bool GuestChanges::take_removed(const fs::InodeId& dir, std::string_view name) {
  return take(key_of(How::removed, dir, name), 0);
}

}  // namespace nineroot::session
