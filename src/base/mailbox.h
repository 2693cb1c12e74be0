// Work handed to one thread from others: how a worker's result gets back to the thread that owns a
// connection.
#pragma once

#include <functional>
#include <mutex>
#include <vector>

#include "base/unique_fd.h"

namespace nineroot {

/// The owner polls fd() for reading and then calls run(); anybody may post().  Shared by
/// std::shared_ptr, so that a late post() always finds it; letters never run are destroyed.
class Mailbox {
 public:
  using Letter = std::move_only_function<void()>;

  Mailbox();

  /// Readable while letters wait.
  [[nodiscard]] int fd() const { return event_.get(); }

  /// From any thread.
  void post(Letter letter);

  /// Runs all that waits, in the order of posting, on the caller's thread.
  void run();

 private:
  UniqueFd event_;
  std::mutex mutex_;
  std::vector<Letter> letters_;
};

}  // namespace nineroot
