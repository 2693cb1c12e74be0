#include "agent/environment.h"

#include <map>

namespace nineroot::agent {
namespace {

constexpr const char* kPathOfRoot = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr const char* kPathOfUsers =
    "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games:/usr/sbin:/sbin";

std::string_view without_quotes(std::string_view value) {
  const bool is_quoted = value.size() >= 2 && value.front() == value.back() &&
                         (value.front() == '"' || value.front() == '\'');
  return is_quoted ? value.substr(1, value.size() - 2) : value;
}

}  // namespace

std::vector<std::string> compose_environment(const Account& account, std::string_view locale,
                                             const std::vector<std::string>& wanted) {
  std::map<std::string, std::string, std::less<>> values;
  values["PATH"] = account.uid == 0 ? kPathOfRoot : kPathOfUsers;
  values["HOME"] = account.home;
  values["SHELL"] = account.shell;
  if (!account.name.empty()) {
    values["USER"] = account.name;
    values["LOGNAME"] = account.name;
  }
  while (!locale.empty()) {
    const std::size_t end = locale.find('\n');
    const std::string_view line = locale.substr(0, end);
    locale.remove_prefix(end == std::string_view::npos ? locale.size() : end + 1);
    const std::size_t equals = line.find('=');
    if (equals != std::string_view::npos && (line.starts_with("LANG") || line.starts_with("LC_"))) {
      values[std::string(line.substr(0, equals))] = without_quotes(line.substr(equals + 1));
    }
  }
  for (const std::string& entry : wanted) {
    const std::size_t equals = entry.find('=');
    if (equals != std::string::npos && equals != 0) {
      values[entry.substr(0, equals)] = entry.substr(equals + 1);
    }
  }
  std::vector<std::string> environment;
  for (const auto& [name, value] : values) {
    environment.push_back(name + "=" + value);
  }
  return environment;
}

}  // namespace nineroot::agent
