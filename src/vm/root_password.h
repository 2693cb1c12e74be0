// Passwords of a guest's root.
#pragma once

#include <string>

#include "base/failure.h"
#include "storage/guest_tree.h"

namespace nineroot::vm {

/// For /etc/shadow, by crypt(3) with a fresh salt; yescrypt.  Fails for what no one could type.
Outcome<std::string> hash_password(const std::string& password);

/// True if root can log in with a password: /etc/shadow has one, or an empty one.
[[nodiscard]] bool has_root_password(const storage::GuestTree& tree);

/// Puts the hash into /etc/shadow; fails if it has no root.
Outcome<void> set_root_password(const storage::GuestTree& tree, const std::string& hash);

}  // namespace nineroot::vm
