// A directory served for a test, by any transport and identity, with a client attached.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/worker_pool.h"
#include "fs/tree.h"
#include "session/gate.h"
#include "tests/support/client9p.h"
#include "tests/support/temp_dir.h"
#include "transport/transport.h"
#include "wire/exchange.h"

namespace nineroot::test {

enum class Carrier { unix_socket, tcp, inherited_fd, vhost_user };

[[nodiscard]] std::string name_of(Carrier carrier);
[[nodiscard]] std::string name_of(fs::IdentityKind identity);

struct ServedOptions {
  fs::IdentityKind identity = fs::IdentityKind::mapped_xattr;
  Carrier carrier = Carrier::inherited_fd;
  bool is_read_only = false;
  std::size_t fd_limit = 512;
  std::vector<std::string> id_rules = {};
  fs::Multidevs multidevs = fs::Multidevs::remap;
  bool takes_host_locks = false;
  std::vector<std::string> data_sets = {};
  /// Called with the tree's path before it is served.
  std::function<void(const std::filesystem::path&)> prepare = {};
};

/// In this process: tree, pool, transport on a thread.  client() has a session with fid 0 attached
/// to the root as uid 0.
class ServedTree {
 public:
  explicit ServedTree(ServedOptions options = {});
  ~ServedTree();

  [[nodiscard]] Client9p& client() { return *client_; }

  [[nodiscard]] Channel& channel() { return *channel_; }

  [[nodiscard]] const std::filesystem::path& path() const { return directory_.path(); }

  [[nodiscard]] fs::Tree& tree() { return *tree_; }

  [[nodiscard]] session::Gate& gate() { return gate_; }

  /// One more connection; not for vhost_user.
  [[nodiscard]] std::unique_ptr<SocketChannel> connect();

 private:
  struct Device;  ///< The other side of a vhost-user device.

  void start_stream(const wire::HandlerFactory& factory);
  void start_vhost_user(const wire::HandlerFactory& factory);

  ServedOptions options_;
  TempDir directory_;
  TempDir sockets_;
  WorkerPool pool_{2};
  session::Gate gate_{pool_};
  std::unique_ptr<fs::Tree> tree_;
  UniqueFd stop_;
  std::string address_;
  std::unique_ptr<transport::Transport> transport_;
  std::unique_ptr<Device> device_;
  std::jthread thread_;
  std::unique_ptr<Channel> channel_;
  std::unique_ptr<Client9p> client_;
};

}  // namespace nineroot::test
