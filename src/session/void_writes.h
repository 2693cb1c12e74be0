// Writes of the herald's that are not to happen (base/herald.h, kHeraldWritesVoid): which they are.
// Told by what they carry, since Linux may use the fid of one writer for the data of all.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/herald.h"
#include "base/io_vec.h"
#include "fs/node.h"

namespace nineroot::session {

class VoidWrites {
 public:
  /// Takes the place of what was announced before.  `text` is FROM.END.PATTERN.  Errors: EINVAL.
  Result<void> announce(const fs::NodeRef& node, std::string_view text);

  void forget() { node_ = fs::NodeRef(); }

  [[nodiscard]] bool is_announced_for(const fs::Node& node) const { return node_.get() == &node; }

  /// Whether all that is to be written to the node at `offset` is void.
  [[nodiscard]] bool covers(const fs::Node& node, std::uint64_t offset, const IoVecs& data) const;

 private:
  fs::NodeRef node_;  ///< Null: nothing is announced.
  std::uint64_t from_ = 0;
  std::uint64_t end_ = 0;
  std::array<std::byte, kVoidPatternSize> pattern_{};
};

}  // namespace nineroot::session
