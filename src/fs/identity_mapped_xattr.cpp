// The identity model mapped-xattr (base/mapped_format.h).
#include <sys/stat.h>

#include "fs/identity.h"
#include "fs/sys.h"

namespace nineroot::fs {
namespace {

/// Absent and unreadable are both "not recorded": the host inode's value stands, as in QEMU.
/// Other errors are passed on, so that a failing disk does not hand out wrong owners.
Result<std::span<const std::byte>> field_of(const Result<std::size_t>& size,
                                            std::span<std::byte> room) {
  if (!size) {
    const int error = code(size.error());
    if (error == ENODATA || error == ERANGE || error == EOPNOTSUPP || error == EPERM ||
        error == EACCES) {
      return room.first(0);
    }
    return std::unexpected(size.error());
  }
  return room.first(*size);
}

Result<std::optional<std::uint32_t>> get_u32(int fd, const char* name) {
  std::array<std::byte, 8> room{};
  const auto field = TRY(field_of(sys::get_xattr(fd, name, room), room));
  return mapped::decode_u32(field);
}

class MappedXattrIdentity : public Identity {
 public:
  [[nodiscard]] bool maps_types() const override { return true; }

  [[nodiscard]] bool is_recorded_in_inode() const override { return true; }

  Result<mapped::Recorded> recorded(const Target& target) override {
    mapped::Recorded recorded;
    recorded.mode = TRY(get_u32(target.fd, mapped::kXattrMode));
    recorded.uid = TRY(get_u32(target.fd, mapped::kXattrUid));
    recorded.gid = TRY(get_u32(target.fd, mapped::kXattrGid));
    if (recorded.mode && (S_ISCHR(*recorded.mode) || S_ISBLK(*recorded.mode))) {
      std::array<std::byte, 8> room{};
      const auto field = TRY(field_of(sys::get_xattr(target.fd, mapped::kXattrRdev, room), room));
      recorded.rdev = mapped::decode_u64(field);
    }
    return recorded;
  }

  std::uint32_t type_of_regular(int dir_fd, const char* name) override {
    std::array<std::byte, 8> room{};
    const auto field = field_of(sys::get_xattr_at(dir_fd, name, mapped::kXattrMode, room), room);
    return field ? mapped::effective_mode(S_IFREG, mapped::decode_u32(*field)) & S_IFMT : 0;
  }

  Result<void> record_new(const Target& target, const NewInode& inode) override {
    if (inode.uid) {
      TRY(set_u32(target.fd, mapped::kXattrUid, *inode.uid));
    }
    TRY(set_u32(target.fd, mapped::kXattrGid, inode.gid));
    TRY(set_u32(target.fd, mapped::kXattrMode, inode.mode));
    if (inode.rdev) {
      TRY(sys::set_xattr(target.fd, mapped::kXattrRdev, mapped::encode_u64(*inode.rdev), 0));
    }
    return {};
  }

  Result<void> set_mode(const Target& target, std::uint32_t mode) override {
    return set_u32(target.fd, mapped::kXattrMode, mode);
  }

  Result<void> set_owner(const Target& target, std::optional<std::uint32_t> uid,
                         std::optional<std::uint32_t> gid) override {
    if (uid) {
      TRY(set_u32(target.fd, mapped::kXattrUid, *uid));
    }
    if (gid) {
      TRY(set_u32(target.fd, mapped::kXattrGid, *gid));
    }
    return {};
  }

  [[nodiscard]] std::optional<std::string> host_xattr_name(std::string_view name) const override {
    return mapped::host_xattr_name(name);
  }

  [[nodiscard]] std::optional<std::string> guest_xattr_name(std::string_view name) const override {
    return mapped::guest_xattr_name(name);
  }

 private:
  static Result<void> set_u32(int fd, const char* name, std::uint32_t value) {
    return sys::set_xattr(fd, name, mapped::encode_u32(value), 0);
  }
};

}  // namespace

std::unique_ptr<Identity> make_mapped_xattr_identity() {
  return std::make_unique<MappedXattrIdentity>();
}

std::unique_ptr<Identity> make_identity(IdentityKind kind) {
  switch (kind) {
    case IdentityKind::mapped_xattr:
      return make_mapped_xattr_identity();
    case IdentityKind::mapped_file:
      return make_mapped_file_identity();
    case IdentityKind::passthrough:
      return make_native_identity(false);
    case IdentityKind::none:
      break;
  }
  return make_native_identity(true);
}

}  // namespace nineroot::fs
