// The sandbox's Landlock domain: no file outside the export, even for code of an attacker's.
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "server/sandbox_layers.h"

namespace nineroot::server {
namespace {

// Newer than the headers of Debian 12 (Linux 6.1): landlock(7).
constexpr std::uint64_t kAccessTruncate = 1U << 14U;
constexpr std::uint64_t kAccessIoctlDev = 1U << 15U;

/// What version 6 knows; earlier ones take the front part.
struct RulesetAttr {
  std::uint64_t handled_access_fs = 0;
  std::uint64_t handled_access_net = 0;
  std::uint64_t scoped = 0;
};

/// No signals to processes outside the domain, and no abstract unix sockets of theirs.
constexpr std::uint64_t kScopes = 0b11;
constexpr long kVersionWithScopes = 6;

constexpr std::uint64_t kReading = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;

/// All file rights of a version: the first had bits 0 to 12, REFER came with 2, TRUNCATE with 3,
/// IOCTL_DEV with 5.
std::uint64_t handled_rights(int version) {
  std::uint64_t rights = (1U << 13U) - 1;
  rights |= version >= 2 ? std::uint64_t{LANDLOCK_ACCESS_FS_REFER} : 0;
  rights |= version >= 3 ? kAccessTruncate : 0;
  rights |= version >= 5 ? kAccessIoctlDev : 0;
  return rights;
}

Result<void> allow(int ruleset, int directory, std::uint64_t rights) {
  landlock_path_beneath_attr rule{};
  rule.allowed_access = rights;
  rule.parent_fd = directory;
  if (::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0) {
    return fail_errno();
  }
  return {};
}

}  // namespace

Result<int> restrict_with_landlock(const UniqueFd& root, bool is_read_only,
                                   const std::vector<UniqueFd>& removable) {
  const long version =
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 0) {
    return fail_errno();
  }
  if (version < 2) {
    return fail(EOPNOTSUPP);  // Version 1 refuses every rename between directories.
  }
  RulesetAttr attr{.handled_access_fs = handled_rights(static_cast<int>(version))};
  std::size_t size = sizeof(attr.handled_access_fs);
  if (version >= kVersionWithScopes) {
    attr.scoped = kScopes;
    size = sizeof(attr);
  }
  const UniqueFd ruleset(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attr, size, 0)));
  if (!ruleset.is_open()) {
    return fail_errno();
  }
  const std::uint64_t all =
      attr.handled_access_fs & ~std::uint64_t{LANDLOCK_ACCESS_FS_EXECUTE} & ~kAccessIoctlDev;
  TRY(allow(ruleset.get(), root.get(), is_read_only ? kReading : all));
  for (const UniqueFd& directory : removable) {
    TRY(allow(ruleset.get(), directory.get(), LANDLOCK_ACCESS_FS_REMOVE_FILE));
  }
  if (::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) < 0) {
    return fail_errno();
  }
  return static_cast<int>(version);
}

}  // namespace nineroot::server
