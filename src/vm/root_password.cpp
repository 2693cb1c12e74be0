#include "vm/root_password.h"

#include <crypt.h>

#include <algorithm>
#include <ctime>
#include <string_view>

namespace nineroot::vm {
namespace {

constexpr const char* kShadow = "/etc/shadow";
constexpr const char* kMethod = "$y$";
constexpr long kSecondsPerDay = 86400;

/// [begin, end) of field `number` of root's line; nothing if there is no such line.
struct Field {
  std::size_t begin = 0;
  std::size_t end = 0;
};

std::optional<Field> find_root_field(std::string_view shadow, int number) {
  std::size_t line = 0;
  while (line < shadow.size() && !shadow.substr(line).starts_with("root:")) {
    const std::size_t newline = shadow.find('\n', line);
    if (newline == std::string_view::npos) {
      return std::nullopt;
    }
    line = newline + 1;
  }
  if (line >= shadow.size()) {
    return std::nullopt;
  }
  const std::size_t line_end = std::min(shadow.find('\n', line), shadow.size());
  Field field{.begin = line, .end = 0};
  for (int i = 0; i < number; ++i) {
    const std::size_t colon = shadow.find(':', field.begin);
    if (colon >= line_end) {
      return std::nullopt;
    }
    field.begin = colon + 1;
  }
  field.end = std::min(shadow.find(':', field.begin), line_end);
  return field;
}

}  // namespace

Outcome<std::string> hash_password(const std::string& password) {
  if (password.empty() || password.find('\n') != std::string::npos ||
      password.size() > CRYPT_MAX_PASSPHRASE_SIZE) {
    return std::unexpected(
        Failure("a password must have something in it, be one line, and not be too long")
            .as_usage());
  }
  crypt_data data{};
  std::string salt(CRYPT_GENSALT_OUTPUT_SIZE, '\0');
  if (::crypt_gensalt_rn(kMethod, 0, nullptr, 0, salt.data(), static_cast<int>(salt.size())) ==
      nullptr) {
    return failure(Errno{errno}, "cannot make a salt for the password");
  }
  const char* hash = ::crypt_r(password.c_str(), salt.c_str(), &data);
  if (hash == nullptr || hash[0] == '*') {
    return failure(Errno{errno}, "cannot hash the password");
  }
  return std::string(hash);
}

bool has_root_password(const storage::GuestTree& tree) {
  const auto shadow = tree.read_file(kShadow);
  if (!shadow) {
    return false;
  }
  const auto field = find_root_field(*shadow, 1);
  return field && (field->begin == field->end ||
                   ((*shadow)[field->begin] != '*' && (*shadow)[field->begin] != '!'));
}

Outcome<void> set_root_password(const storage::GuestTree& tree, const std::string& hash) {
  std::string shadow =
      TRY(context(tree.read_file(kShadow), "cannot set root's password: no /etc/shadow"));
  // The later field first, so that the earlier one's place still holds.
  if (const auto changed = find_root_field(shadow, 2)) {
    shadow.replace(changed->begin, changed->end - changed->begin,
                   fmt::format("{}", std::time(nullptr) / kSecondsPerDay));
  }
  const auto password = find_root_field(shadow, 1);
  if (!password) {
    return failure("cannot set root's password: /etc/shadow has no root");
  }
  shadow.replace(password->begin, password->end - password->begin, hash);
  return context(tree.write_file(kShadow, shadow), "cannot write the guest's /etc/shadow");
}

}  // namespace nineroot::vm
