// The environment of a command in the guest.  Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/account.h"

namespace nineroot::agent {

/// What a login would give the account: PATH, HOME, USER, LOGNAME, SHELL, and the locale's settings
/// from `locale` (the text of /etc/default/locale or /etc/locale.conf).  `wanted`, lines
/// NAME=VALUE, is added and wins; entries without a name are left out.
[[nodiscard]] std::vector<std::string> compose_environment(const Account& account,
                                                           std::string_view locale,
                                                           const std::vector<std::string>& wanted);

}  // namespace nineroot::agent
