#include "agent/account.h"

#include <algorithm>
#include <charconv>

namespace nineroot::agent {
namespace {

std::string_view take_until(std::string_view& rest, char stop) {
  const std::size_t end = rest.find(stop);
  const std::string_view part = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return part;
}

std::optional<std::uint32_t> number(std::string_view text) {
  std::uint32_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  // The highest number means "leave it" to the system calls, never an account.
  if (error != std::errc() || stop != end || value == UINT32_MAX) {
    return std::nullopt;
  }
  return value;
}

// name:password:uid:gid:comment:home:shell
std::optional<Account> parse_account(std::string_view line) {
  Account account;
  account.name = take_until(line, ':');
  take_until(line, ':');
  const std::optional<std::uint32_t> uid = number(take_until(line, ':'));
  const std::optional<std::uint32_t> gid = number(take_until(line, ':'));
  take_until(line, ':');
  account.home = take_until(line, ':');
  account.shell = take_until(line, ':');
  if (account.name.empty() || !uid || !gid) {
    return std::nullopt;
  }
  account.uid = *uid;
  account.gid = *gid;
  return account;
}

Account with_defaults(Account account) {
  if (account.home.empty()) {
    account.home = "/";
  }
  if (account.shell.empty()) {
    account.shell = "/bin/sh";
  }
  return account;
}

}  // namespace

std::optional<Account> find_account(std::string_view passwd, std::string_view user) {
  const std::string_view wanted = user.empty() ? "root" : user;
  const std::optional<std::uint32_t> uid = number(wanted);
  std::optional<Account> by_number;
  while (!passwd.empty()) {
    const std::optional<Account> account = parse_account(take_until(passwd, '\n'));
    if (account && account->name == wanted) {
      return with_defaults(*account);
    }
    if (account && uid && account->uid == *uid && !by_number) {
      by_number = account;
    }
  }
  if (by_number) {
    return with_defaults(*by_number);
  }
  if (wanted == "root") {
    return Account{.name = "root", .uid = 0, .gid = 0, .home = "/root", .shell = "/bin/sh"};
  }
  if (uid) {
    return with_defaults({.name = "", .uid = *uid, .gid = *uid, .home = "", .shell = ""});
  }
  return std::nullopt;
}

std::vector<gid_t> groups_of(std::string_view group, const Account& account) {
  std::vector<gid_t> groups = {account.gid};
  while (!group.empty() && !account.name.empty()) {
    // name:password:gid:member,member
    std::string_view line = take_until(group, '\n');
    take_until(line, ':');
    take_until(line, ':');
    const std::optional<std::uint32_t> gid = number(take_until(line, ':'));
    while (gid && !line.empty()) {
      if (take_until(line, ',') == account.name && std::ranges::count(groups, *gid) == 0) {
        groups.push_back(*gid);
      }
    }
  }
  return groups;
}

}  // namespace nineroot::agent
