// A listening Unix socket at a path: replaces what a dead server left, never what a live one
// uses, and takes its file away at the end.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/failure.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace nineroot::transport {

/// Move-only.
class UnixListener {
 public:
  /// Listens at `path` with mode 0600 from now on.  A socket at which nobody answers is replaced;
  /// anything else there is a failure.
  static Outcome<UnixListener> bind(const std::string& path);

  UnixListener(UnixListener&&) noexcept = default;
  UnixListener& operator=(UnixListener&&) = delete;

  /// Removes the socket's file, if it is still ours; looks it up in the directory it was made in,
  /// so a changed root or working directory does not matter.
  ~UnixListener();

  /// Readable while a peer waits.
  [[nodiscard]] int fd() const { return socket_.get(); }

  /// Never blocks.  Errors: EAGAIN when nobody waits (any more); else from accept4(2), of which
  /// EMFILE and ENFILE leave the peer waiting.
  [[nodiscard]] Result<UniqueFd> accept() const;

 private:
  UnixListener(UniqueFd socket, UniqueFd directory, std::string name);

  UniqueFd socket_;
  UniqueFd directory_;
  std::string name_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace nineroot::transport
