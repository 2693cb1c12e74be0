// Making a Debian tree without root: what mmdebstrap is told, and what it needs of the host.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/failure.h"

namespace nineroot::vm {

struct DebianRequest {
  std::string suite = "bookworm";
  bool is_standard = false;  ///< All of the "standard" task.
  bool is_minimal = false;   ///< Only what boots.
  bool has_ssh_server = false;
  std::vector<std::string> include{};  ///< More packages.
  std::vector<std::string> mirrors{};  ///< Empty: mmdebstrap's own choice.
};

/// Each thing that is missing has its own Failure with what to do: mmdebstrap, newuidmap, ranges
/// in /etc/subuid and /etc/subgid, user namespaces.  The last three only for an ordinary user.
Outcome<void> check_debian_host();

/// The mmdebstrap command, which writes a tar to its standard output.
Outcome<std::vector<std::string>> debian_command(const DebianRequest& request);

/// What mmdebstrap does now, for a progress line, from a line of its standard error; empty for
/// lines that tell of nothing new.
[[nodiscard]] std::string debian_phase(std::string_view line);

}  // namespace nineroot::vm
