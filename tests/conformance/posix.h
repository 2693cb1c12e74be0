// What the POSIX suite shares: a served tree per identity, and calls named as system calls are.
// Over one transport only; session and file tests go through all of them.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tests/conformance/conformance.h"

namespace nineroot::test {

/// A file type as mknod(2) has it, for messages.
inline std::string name_of_type(std::uint32_t type) {
  static const std::map<std::uint32_t, std::string> kNames{
      {S_IFREG, "file"},    {S_IFDIR, "directory"}, {S_IFLNK, "symlink"}, {S_IFIFO, "fifo"},
      {S_IFSOCK, "socket"}, {S_IFCHR, "chardev"},   {S_IFBLK, "blockdev"}};
  const auto found = kNames.find(type);
  return found == kNames.end() ? "unknown" : found->second;
}

/// System calls on directories' fids.  Fids from 9000 on are its own scratch.
class Calls {
 public:
  explicit Calls(Client9p& client) : client_(&client) {}

  static constexpr std::uint32_t kScratch = 9000;

  Result<void> mkdir(std::string_view name, std::uint32_t mode = 0755, std::uint32_t dir = 0,
                     std::uint32_t gid = 0) {
    TRY(client_->ask<wire::Rmkdir>(
        wire::Tmkdir{.dfid = dir, .name = name, .mode = mode, .gid = gid}));
    return {};
  }

  Result<void> symlink(std::string_view target, std::string_view name, std::uint32_t dir = 0) {
    TRY(client_->ask<wire::Rsymlink>(
        wire::Tsymlink{.dfid = dir, .name = name, .symtgt = target, .gid = 0}));
    return {};
  }

  Result<void> mknod(std::string_view name, std::uint32_t mode, std::uint32_t major = 0,
                     std::uint32_t minor = 0, std::uint32_t dir = 0) {
    TRY(client_->ask<wire::Rmknod>(wire::Tmknod{
        .dfid = dir, .name = name, .mode = mode, .major = major, .minor = minor, .gid = 0}));
    return {};
  }

  Result<void> link(std::uint32_t fid, std::string_view name, std::uint32_t dir = 0) {
    TRY(client_->ask<wire::Rlink>(wire::Tlink{.dfid = dir, .fid = fid, .name = name}));
    return {};
  }

  /// Makes a file and leaves it closed.
  Result<void> touch(std::string_view name, std::string_view content = "", std::uint32_t dir = 0,
                     std::uint32_t mode = 0644) {
    TRY(client_->create(dir, kScratch, name, O_RDWR | O_EXCL, mode, 0));
    if (!content.empty()) {
      TRY(client_->write(kScratch, 0, content));
    }
    return client_->clunk(kScratch);
  }

  /// Something of this type (S_IFMT).
  Result<void> make(std::uint32_t type, std::string_view name, std::uint32_t dir = 0) {
    if (type == S_IFDIR) {
      return mkdir(name, 0755, dir);
    }
    if (type == S_IFLNK) {
      return symlink("some/where", name, dir);
    }
    if (type == S_IFREG) {
      return touch(name, "content", dir);
    }
    return mknod(name, type | 0644, 1, 3, dir);
  }

  Result<void> remove(std::uint32_t type, std::string_view name, std::uint32_t dir = 0) {
    return client_->unlink(dir, name, type == S_IFDIR ? wire::kUnlinkRemoveDir : 0);
  }

  Result<void> set_attr(const wire::Tsetattr& change) {
    TRY(client_->ask<wire::Rsetattr>(change));
    return {};
  }

  Result<void> chown(std::uint32_t fid, std::optional<std::uint32_t> uid,
                     std::optional<std::uint32_t> gid) {
    wire::Tsetattr change;
    change.fid = fid;
    change.valid = wire::kSetCtime | (uid ? wire::kSetUid : 0U) | (gid ? wire::kSetGid : 0U);
    change.uid = uid.value_or(0);
    change.gid = gid.value_or(0);
    return set_attr(change);
  }

  Result<void> utimens(std::uint32_t fid, timespec atime, timespec mtime) {
    wire::Tsetattr change;
    change.fid = fid;
    change.valid = wire::kSetAtime | wire::kSetAtimeSet | wire::kSetMtime | wire::kSetMtimeSet |
                   wire::kSetCtime;
    change.atime_sec = static_cast<std::uint64_t>(atime.tv_sec);
    change.atime_nsec = static_cast<std::uint64_t>(atime.tv_nsec);
    change.mtime_sec = static_cast<std::uint64_t>(mtime.tv_sec);
    change.mtime_nsec = static_cast<std::uint64_t>(mtime.tv_nsec);
    return set_attr(change);
  }

  Result<void> fsync(std::uint32_t fid) {
    TRY(client_->ask<wire::Rfsync>(wire::Tfsync{.fid = fid, .datasync = 0}));
    return {};
  }

  Result<void> remove_xattr(std::uint32_t fid, std::string_view name) {
    return client_->set_xattr(fid, kScratch, name, "", XATTR_REPLACE);
  }

  /// lstat(2).
  Result<wire::Rgetattr> stat(std::string_view name, std::uint32_t dir = 0) {
    TRY(client_->walk(dir, kScratch, {name}));
    const auto attr = client_->getattr(kScratch);
    TRY(client_->clunk(kScratch));
    return attr;
  }

  /// Every entry of a directory, by replies of at most `count` bytes; "." and ".." too.
  Result<std::vector<Entry>> list(std::uint32_t dir, std::uint32_t count = 8000) {
    TRY(client_->walk(dir, kScratch));
    TRY(client_->open(kScratch, O_RDONLY));
    std::vector<Entry> all;
    for (std::uint64_t offset = 0;;) {
      auto some = TRY(client_->readdir(kScratch, offset, count));
      if (some.empty()) {
        break;
      }
      offset = some.back().offset;
      all.insert(all.end(), some.begin(), some.end());
    }
    TRY(client_->clunk(kScratch));
    return all;
  }

  /// The names in a directory without "." and ".."; a name that is there twice is there twice.
  std::multiset<std::string> names(std::uint32_t dir, std::uint32_t count = 8000) {
    std::multiset<std::string> result;
    const auto entries = list(dir, count);
    EXPECT_TRUE(entries);
    if (entries) {
      for (const Entry& entry : *entries) {
        if (entry.name != "." && entry.name != "..") {
          result.insert(entry.name);
        }
      }
    }
    return result;
  }

 private:
  Client9p* client_;
};

class PosixTest : public testing::TestWithParam<fs::IdentityKind> {
 protected:
  void SetUp() override {
    if (identity() == fs::IdentityKind::passthrough && ::geteuid() != 0) {
      GTEST_SKIP() << "passthrough gives every file its owner, which takes root";
    }
  }

  [[nodiscard]] fs::IdentityKind identity() const { return GetParam(); }

  /// Symlinks and nodes are regular files on the host, and owners are recorded.
  [[nodiscard]] bool is_mapped() const {
    return identity() == fs::IdentityKind::mapped_xattr ||
           identity() == fs::IdentityKind::mapped_file;
  }

  /// The guest's owners and device nodes come to be.
  [[nodiscard]] bool has_owners() const { return is_mapped() || ::geteuid() == 0; }

  /// The file types that can be made here.
  [[nodiscard]] std::vector<std::uint32_t> types() const {
    std::vector<std::uint32_t> result{S_IFREG, S_IFDIR, S_IFLNK, S_IFIFO, S_IFSOCK};
    if (has_owners()) {
      result.push_back(S_IFCHR);
      result.push_back(S_IFBLK);
    }
    return result;
  }

  ServedTree served{{.identity = identity()}};
  Client9p& client = served.client();
  Calls calls{client};
};

}  // namespace nineroot::test
