#include "vm/user_name.h"

#include <pwd.h>

namespace nineroot::vm {

std::string user_name(uid_t uid) {
  const passwd* entry = ::getpwuid(uid);
  return entry != nullptr ? entry->pw_name : std::to_string(uid);
}

}  // namespace nineroot::vm
