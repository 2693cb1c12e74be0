// `nineroot serve`: one export, its transports, its sandbox, put together and run.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/failure.h"
#include "fs/fast_paths.h"
#include "fs/identity.h"
#include "fs/inode_numbers.h"
#include "server/sandbox.h"

namespace nineroot::server {

struct ServeOptions {
  std::string directory;
  std::vector<std::string> vhost_user;  ///< Paths of sockets to listen at.
  std::vector<std::string> listen;      ///< unix:PATH, tcp:HOST:PORT
  std::vector<int> fds;                 ///< Inherited sockets.
  std::string control;                  ///< Path of the control socket; empty: none.
  std::string tag = "root";
  bool is_read_only = false;
  fs::IdentityKind identity = fs::IdentityKind::mapped_xattr;
  std::vector<std::string> id_rules;  ///< As fs::IdMap::parse() takes them.
  fs::Multidevs multidevs = fs::Multidevs::remap;
  std::vector<std::string> data_sets;  ///< As clients see them: "/home".
  /// The guest's locks are taken on the host, and others may serve the tree too.
  bool is_shared = false;
  fs::FastPaths fast_paths;
  /// Microseconds to look at an empty ring before sleeping; 0: not at all.
  unsigned poll_us = 8;
  SandboxMode sandbox = SandboxMode::automatic;
  /// The server ends when a connection has ended, not only at SIGTERM.
  bool once = false;
  /// A line is written to it, and it is closed, as soon as clients can connect.
  std::optional<int> ready_fd;
};

/// "mapped-xattr" (also "mapped"), "mapped-file", "passthrough", "none".
Outcome<fs::IdentityKind> parse_identity(std::string_view text);

/// "remap", "forbid", "warn".
Outcome<fs::Multidevs> parse_multidevs(std::string_view text);

/// Switches fast paths off: names with commas between (keep-inodes, hold-readable, share-reads,
/// fine-ctime, close-at-once, poll).
Outcome<void> switch_off(ServeOptions& options, std::string_view names);

/// Serves until SIGTERM, SIGINT or SIGHUP, or with `once` until a connection ends; all data that
/// clients wrote is on disk when it returns.  Returns the exit status.
Outcome<int> serve(const ServeOptions& options);

/// Prints what the sandbox would be, one line per layer.
Outcome<int> show_sandbox(const ServeOptions& options);

}  // namespace nineroot::server
