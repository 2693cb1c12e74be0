// Users and groups by the guest's own /etc/passwd and /etc/group.  A static program cannot ask the
// name services that a guest may have beside these files.  Pure: the texts are the caller's.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nineroot::agent {

struct Account {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
  std::string home;
  std::string shell;
};

/// By name, or by number if no name is it; an empty `user` is root, also without any text.
/// A number without a line is an account without a name whose home is /.
[[nodiscard]] std::optional<Account> find_account(std::string_view passwd, std::string_view user);

/// The account's own group and all that name it as a member.
[[nodiscard]] std::vector<gid_t> groups_of(std::string_view group, const Account& account);

}  // namespace nineroot::agent
