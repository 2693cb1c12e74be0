// What a guest itself has changed of late, so that it need not be told of it when the host's watch
// sees it.  Bounded: what is forgotten is told once more, which does no harm.
#pragma once

#include <array>
#include <cstdint>
#include <ctime>
#include <string_view>

#include "fs/node.h"

namespace nineroot::session {

class GuestChanges {
 public:
  /// The guest has changed content or attributes, after which the host's ctime was this.
  void note(const fs::InodeId& file, const timespec& ctime);
  /// It has made the name, for this file, or taken it away.
  void note_made(const fs::InodeId& dir, std::string_view name, const fs::InodeId& file);
  void note_removed(const fs::InodeId& dir, std::string_view name);

  /// Whether the last change of the file, which has this ctime, was the guest's.
  [[nodiscard]] bool has_changed(const fs::InodeId& file, const timespec& ctime) const;
  /// Whether the guest has done so, and that was not asked before.
  [[nodiscard]] bool take_made(const fs::InodeId& dir, std::string_view name,
                               const fs::InodeId& file);
  [[nodiscard]] bool take_removed(const fs::InodeId& dir, std::string_view name);

  void clear() { slots_.fill({}); }

 private:
  struct Slot {
    std::uint64_t key = 0;  ///< A hash of what was changed, and how.
    std::uint64_t value = 0;
  };

  void put(std::uint64_t key, std::uint64_t value);
  bool take(std::uint64_t key, std::uint64_t value);

  static constexpr std::size_t kSlots = 4096;

  std::array<Slot, kSlots> slots_{};
};

}  // namespace nineroot::session
