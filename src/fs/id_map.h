// Translation between the owners that a guest knows and those that the tree keeps: the rules of
// `serve --map`.  Knows numbers only; who asks applies it to attributes, new inodes and ACLs.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/failure.h"
#include "base/result.h"

namespace nineroot::fs {

/// Shown for an id that the guest may not have (Linux's overflow uid and gid).
inline constexpr std::uint32_t kNobody = 65534;

/// One direction for one kind of id: ranges that do not overlap; what is in none stays as it is.
class IdRanges {
 public:
  enum class Rule : std::uint8_t {
    shift,   ///< first + n becomes target + n.
    squash,  ///< Each becomes target.
    forbid,
  };

  struct Range {
    std::uint32_t first = 0;
    std::uint32_t count = 0;
    std::uint32_t target = 0;
    Rule rule = Rule::shift;
  };

  /// False if it overlaps a range that is there.
  bool add(const Range& range);

  /// Null if no rule says anything of this id.
  [[nodiscard]] const Range* find(std::uint32_t id) const;

 private:
  std::vector<Range> ranges_;  ///< By `first`.
};

enum class IdKind : std::uint8_t { uid, gid };

/// Constant once made.
class IdMap {
 public:
  /// Each rule is `[uid:|gid:]RULE`; without a prefix it counts for both.  Numbers are decimal.
  ///   map:GUEST:HOST:COUNT           both ways
  ///   guest:GUEST:HOST:COUNT         what the guest sets
  ///   host:HOST:GUEST:COUNT          what the guest sees
  ///   squash-guest:GUEST:HOST:COUNT  what the guest sets becomes the one id HOST
  ///   squash-host:HOST:GUEST:COUNT   is seen as the one id GUEST
  ///   forbid-guest:GUEST:COUNT       EPERM when set, nobody when seen
  ///   squash-owner                   files without recorded owner that belong to the owner of the
  ///                                  export are root's
  static Outcome<IdMap> parse(std::span<const std::string> rules);

  /// What to keep for an id that the guest sets.  Errors: EPERM if it is forbidden.
  [[nodiscard]] Result<std::uint32_t> to_host(IdKind kind, std::uint32_t id) const;

  /// What the guest sees of an id that the tree keeps.
  [[nodiscard]] std::uint32_t to_guest(IdKind kind, std::uint32_t id) const;

  [[nodiscard]] bool squashes_owner() const { return squashes_owner_; }

  /// True if every id stays as it is.
  [[nodiscard]] bool is_identity() const { return is_identity_; }

 private:
  struct Directions {
    IdRanges to_host;
    IdRanges to_guest;
  };

  Outcome<void> add(std::string_view rule);

  [[nodiscard]] const Directions& of(IdKind kind) const {
    return kind == IdKind::uid ? uids_ : gids_;
  }

  Directions uids_;
  Directions gids_;
  bool squashes_owner_ = false;
  bool is_identity_ = true;
};

}  // namespace nineroot::fs
