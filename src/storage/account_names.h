// The numbers behind the account names of a guest's tree.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "storage/layout.h"

namespace nineroot::storage {

/// Reads the tree's /etc/passwd and /etc/group once; what cannot be read has no names.
class AccountNames {
 public:
  AccountNames(int root, Layout layout);

  [[nodiscard]] std::optional<std::uint32_t> user(const std::string& name) const;
  [[nodiscard]] std::optional<std::uint32_t> group(const std::string& name) const;

 private:
  std::map<std::string, std::uint32_t> users_;
  std::map<std::string, std::uint32_t> groups_;
};

}  // namespace nineroot::storage
