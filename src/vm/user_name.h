// Who we are, for messages and for files that know users by name.
#pragma once

#include <sys/types.h>

#include <string>

namespace nineroot::vm {

/// The user's name, or the number where there is none.
[[nodiscard]] std::string user_name(uid_t uid);

}  // namespace nineroot::vm
