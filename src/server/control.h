// The server's control socket: whoever takes snapshots of the tree, or changes it as a whole,
// closes the gate over it.  A line each way; docs/rollback.md has the words.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/failure.h"
#include "session/gate.h"
#include "transport/unix_listener.h"

namespace nineroot::server {

/// Words and answers:
///   close MILLISECONDS   "closed", or "timeout" and the gate is open
///   hold                 "held": the gate stays closed when this connection goes
///   open                 "opened"
/// and "error ..." for a word that is not known, or that does not fit: the gate belongs to the
/// connection that closed it until it says open or goes, or for ever if it has said hold; then
/// anybody's open opens it.
class Control {
 public:
  /// Listens at `path` with mode 0600 from now on.
  static Outcome<std::unique_ptr<Control>> listen(const std::string& path);

  /// Serves until `stop_fd` is readable, and opens the gate then.
  void run(session::Gate& gate, int stop_fd);

 private:
  struct Client {
    UniqueFd socket;
    std::string input;
  };

  explicit Control(transport::UnixListener listener) : listener_(std::move(listener)) {}

  void accept();
  /// False when the client is to go.
  bool serve(Client& client, session::Gate& gate);
  std::string answer(const Client& client, const std::string& line, session::Gate& gate);
  void forget(const Client& client, session::Gate& gate);

  transport::UnixListener listener_;
  std::vector<std::unique_ptr<Client>> clients_;
  const Client* closed_by_ = nullptr;  ///< Null too when it was held and its closer has gone.
  bool is_held_ = false;
};

}  // namespace nineroot::server
