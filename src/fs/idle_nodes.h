// Nodes that nobody refers to, kept for whoever comes back to them soon.  A list through the nodes
// themselves; NodeTable guards it.
#pragma once

#include <chrono>
#include <cstddef>

#include "fs/node.h"

namespace nineroot::fs {

class IdleNodes {
 public:
  using Clock = std::chrono::steady_clock;

  void add(Node& node, Clock::time_point now);
  void remove(Node& node);

  /// Null if there is none.
  [[nodiscard]] Node* oldest() const { return oldest_; }

  /// Since when `node` is idle.
  [[nodiscard]] static Clock::time_point since(const Node& node) { return node.idle_since_; }

  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  Node* newest_ = nullptr;
  Node* oldest_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace nineroot::fs
