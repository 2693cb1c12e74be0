#include "fs/idle_nodes.h"

namespace nineroot::fs {

void IdleNodes::add(Node& node, Clock::time_point now) {
  node.idle_since_ = now;
  node.idle_newer_ = nullptr;
  node.idle_older_ = newest_;
  (newest_ != nullptr ? newest_->idle_newer_ : oldest_) = &node;
  newest_ = &node;
  ++size_;
}

void IdleNodes::remove(Node& node) {
  (node.idle_newer_ != nullptr ? node.idle_newer_->idle_older_ : newest_) = node.idle_older_;
  (node.idle_older_ != nullptr ? node.idle_older_->idle_newer_ : oldest_) = node.idle_newer_;
  node.idle_newer_ = node.idle_older_ = nullptr;
  --size_;
}

}  // namespace nineroot::fs
