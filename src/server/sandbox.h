// What keeps a server that a guest has taken over from doing harm.  docs/security.md tells what
// each layer is for.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/failure.h"
#include "base/unique_fd.h"

namespace nineroot::server {

/// What `serve --sandbox` says.
enum class SandboxMode {
  automatic,  ///< Every layer that this host allows; what it refuses is logged.
  strict,     ///< Every layer, or the server does not start.
  none,       ///< no_new_privs alone.
};

/// "auto", "strict" or "none".
Outcome<SandboxMode> parse_sandbox_mode(std::string_view text);

struct SandboxOptions {
  SandboxMode mode = SandboxMode::automatic;
  bool is_read_only = false;
  /// Runs as root: keeps what reaching files of other owners takes.
  bool keeps_capabilities = false;
  /// The host's inodes are the guest's (identity passthrough, none): as root, owners and devices
  /// are made; as an ordinary user, a user namespace would hide everybody else's ids.
  bool is_native = false;
  /// Directories of listening sockets, whose files are removed at the end.
  std::vector<std::string> socket_directories;
};

/// One layer and how it went.
struct Layer {
  std::string name;
  bool is_active = false;
  std::string remark;  ///< Why not, or a detail.
};

struct Sandbox {
  UniqueFd root;  ///< The export, opened anew inside the sandbox.
  std::vector<Layer> layers;
};

/// Shuts the process in: namespaces with the export as root, no capabilities, Landlock,
/// no_new_privs and a seccomp allow-list, in this order.  Call it with one thread, before any
/// other is made, and after all sockets are open.  `root` is a readable descriptor of the export.
Outcome<Sandbox> enter_sandbox(UniqueFd root, const SandboxOptions& options);

/// What enter_sandbox() would do here, found out in a child process.
Outcome<std::vector<Layer>> probe_sandbox(UniqueFd root, const SandboxOptions& options);

}  // namespace nineroot::server
