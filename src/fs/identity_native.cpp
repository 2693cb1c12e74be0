// The identity models passthrough and none: the host inode is the guest's.
#include <sys/stat.h>

#include "fs/identity.h"
#include "fs/sys.h"

namespace nineroot::fs {
namespace {

class NativeIdentity : public Identity {
 public:
  explicit NativeIdentity(bool ignores_owner_errors)
      : ignores_owner_errors_(ignores_owner_errors) {}

  [[nodiscard]] bool maps_types() const override { return false; }

  Result<mapped::Recorded> recorded(const Target& /*target*/) override {
    return mapped::Recorded{};
  }

  std::uint32_t type_of_regular(int /*dir_fd*/, const char* /*name*/) override { return S_IFREG; }

  Result<void> record_new(const Target& target, const NewInode& inode) override {
    TRY(set_owner(target, inode.uid, inode.gid));
    // After the owner: chown(2) takes set-id bits away.
    return set_mode(target, inode.mode);
  }

  Result<void> set_mode(const Target& target, std::uint32_t mode) override {
    if (S_ISLNK(mode)) {
      return {};  // Linux symlinks have no mode of their own.
    }
    return sys::change_mode(target.fd, mode & 07777U);
  }

  Result<void> set_owner(const Target& target, std::optional<std::uint32_t> uid,
                         std::optional<std::uint32_t> gid) override {
    const auto changed =
        sys::change_owner(target.fd, uid.value_or(UINT32_MAX), gid.value_or(UINT32_MAX));
    if (!changed && ignores_owner_errors_) {
      return {};
    }
    return changed;
  }

  [[nodiscard]] std::optional<std::string> host_xattr_name(std::string_view name) const override {
    const bool is_acl = name == "system.posix_acl_access" || name == "system.posix_acl_default";
    // The ids in an ACL are the guest's: they mean something on the host in passthrough alone.
    if (is_acl && !ignores_owner_errors_) {
      return std::string(name);
    }
    for (const std::string_view space : {"user.", "security.", "trusted."}) {
      if (name.starts_with(space) && name.size() > space.size()) {
        return std::string(name);
      }
    }
    return std::nullopt;
  }

  [[nodiscard]] std::optional<std::string> guest_xattr_name(std::string_view name) const override {
    return host_xattr_name(name);
  }

 private:
  bool ignores_owner_errors_;
};

}  // namespace

std::unique_ptr<Identity> make_native_identity(bool ignores_owner_errors) {
  return std::make_unique<NativeIdentity>(ignores_owner_errors);
}

}  // namespace nineroot::fs
