// Which files a session holds open for writing: those whose size the guest may know better than the
// server, because it has bytes that are not written yet.
#pragma once

#include <cstddef>
#include <unordered_map>
#include <utility>

#include "fs/node.h"

namespace nineroot::session {

/// On the transport's thread only.
class Writers {
 public:
  /// Counts a fid for as long as it lives.
  class Mark {
   public:
    Mark(Writers& writers, fs::NodeRef node) : writers_(writers), node_(std::move(node)) {
      ++writers_.counts_[node_.get()];
    }
    ~Mark() {
      const auto found = writers_.counts_.find(node_.get());
      if (--found->second == 0) {
        writers_.counts_.erase(found);
      }
    }
    Mark(const Mark&) = delete;
    Mark& operator=(const Mark&) = delete;

   private:
    Writers& writers_;
    fs::NodeRef node_;
  };

  [[nodiscard]] bool have(const fs::NodeRef& node) const { return counts_.contains(node.get()); }

 private:
  std::unordered_map<const fs::Node*, std::size_t> counts_;
};

}  // namespace nineroot::session
