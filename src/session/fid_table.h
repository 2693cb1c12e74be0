// The table of a session's fids.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include <tsl/robin_map.h>

#include "base/result.h"
#include "session/fid.h"

namespace nineroot::session {

/// Fid numbers to fids.  Linux uses the lowest free number, but any 32-bit number is good.
/// docs/adr/0014-flat-tables.md tells why it is made like this.
class FidTable {
 public:
  /// Errors: EBADF.  The pointer is good until this fid is replaced, or any is taken.
  Result<Fid*> get(std::uint32_t number) {
    const auto found = places_.find(number);
    if (found == places_.end()) {
      return fail(EBADF);
    }
    return &fids_[found->second];
  }

  /// Replaces a fid that has the number already: a client that gave up on a Twalk which had
  /// succeeded uses the number again (Linux net/9p/client.c).  Errors: ENFILE when the session
  /// holds too many.
  Result<void> put(std::uint32_t number, Fid fid);

  /// Errors: EBADF.
  Result<Fid> take(std::uint32_t number);

  void clear();

  [[nodiscard]] std::size_t size() const { return places_.size(); }

 private:
  /// What a guest with a few million cached dentries needs, and a bound for a hostile one.
  static constexpr std::size_t kMaxFids = std::size_t{1} << 23U;

  using Places = tsl::robin_map<std::uint32_t, std::uint32_t>;

  static Places no_places();
  /// Gives back what fids that are gone have taken.
  void shrink();

  Places places_ = no_places();  ///< Number to index in fids_.
  std::deque<Fid> fids_;
  std::vector<std::uint32_t> free_;  ///< Indices in fids_ of none.
};

}  // namespace nineroot::session
