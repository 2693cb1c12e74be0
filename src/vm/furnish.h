// What makes an imported tree a machine that one can use: its name, network, console, keys.  Works
// on the finished tree, by the guest's own files, and only where the tree has what it takes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/failure.h"
#include "storage/guest_tree.h"

namespace nineroot::vm {

struct Furnishing {
  std::optional<std::string> hostname;
  std::optional<std::string> timezone;  ///< Must be one that the tree knows.
  std::optional<std::string> root_password_hash;
  std::optional<std::string> ssh_keys;  ///< Lines for authorized_keys.
  bool has_network = true;              ///< DHCP on all cards, DNS.
  bool has_console = true;              ///< Log root in on the serial console.
  /// Others may have set up network and console already; then theirs stay.
  bool is_foreign = false;
};

/// Fails only where an explicit wish cannot be met; adds to `notes` what was left as it is and why.
Outcome<void> furnish(const storage::GuestTree& tree, const Furnishing& wanted,
                      std::vector<std::string>& notes);

/// Systemd's DHCP and DNS on every card but the one that carries the root over 9P.
Outcome<void> set_up_network(const storage::GuestTree& tree, bool is_foreign,
                             std::vector<std::string>& notes);

}  // namespace nineroot::vm
