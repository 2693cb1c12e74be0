// A disk that fails: the guest gets the disk's own error, from every call, nothing is half done,
// and the log says it once.
#include <functional>

#include "tests/conformance/posix.h"
#include "tests/support/failing_fs.h"

namespace nineroot::test {
namespace {

constexpr std::uint32_t kDisk = 1;  ///< The root of the file system that fails.
constexpr std::uint32_t kFile = 2;  ///< "f" in it, open for reading and writing.
constexpr std::uint32_t kPath = 3;  ///< "f", not open.
constexpr std::uint32_t kDir = 4;   ///< "d", open.
constexpr std::uint32_t kFree = 50;

class FailingDisk : public PosixTest {
 protected:
  void SetUp() override {
    PosixTest::SetUp();
    if (IsSkipped()) {
      return;
    }
    if (!disk.is_mounted()) {
      GTEST_SKIP() << "mounting a FUSE file system needs root and /dev/fuse";
    }
    ASSERT_TRUE(client.walk(0, kDisk, {"disk"}));
    ASSERT_TRUE(calls.mkdir("d", 0755, kDisk));
    ASSERT_TRUE(calls.mkdir("e", 0755, kDisk));
    ASSERT_TRUE(client.create(kDisk, kFile, "f", O_RDWR, 0640, 0));
    ASSERT_TRUE(client.write(kFile, 0, "content"));
    ASSERT_TRUE(client.set_xattr(kFile, kFree, "user.x", "value"));
    ASSERT_TRUE(calls.symlink("target", "l", kDisk));
    ASSERT_TRUE(client.walk(kDisk, kPath, {"f"}));
    ASSERT_TRUE(client.walk(kDisk, kDir, {"d"}));
    ASSERT_TRUE(client.open(kDir, O_RDONLY));
  }

  /// As SetUp() left it.
  void expect_unharmed() {
    EXPECT_EQ(calls.names(kDisk), (std::multiset<std::string>{"d", "e", "f", "l"}));
    EXPECT_EQ(client.read(kFile, 0, 100), "content");
    EXPECT_EQ(client.getattr(kFile)->mode, S_IFREG | 0640U);
    EXPECT_EQ(client.get_xattr(kPath, kFree, "user.x"), "value");
    EXPECT_EQ(calls.stat("l", kDisk)->mode & S_IFMT, std::uint32_t{S_IFLNK});
  }

  FailingFs disk{served.path() / "disk"};
};
INSTANTIATE_TEST_SUITE_P(Every, FailingDisk, every_identity(), name_of_identity);

using FailingDiskWithRecords = FailingDisk;
INSTANTIATE_TEST_SUITE_P(Mapped, FailingDiskWithRecords,
                         testing::Values(fs::IdentityKind::mapped_xattr,
                                         fs::IdentityKind::mapped_file),
                         name_of_identity);

/// A call, and the request to the disk that it cannot do without.
struct FailingCall {
  const char* name;
  std::uint32_t opcode;
  std::function<Result<void>()> call;
};

template <class T>
Result<void> only_error(const Result<T>& result) {
  return result ? Result<void>() : Result<void>(std::unexpected(result.error()));
}

std::vector<FailingCall> failing_calls(Client9p& client, Calls& calls, bool is_mapped) {
  const auto make_symlink = is_mapped ? FUSE_CREATE : FUSE_SYMLINK;
  return {
      {"walk", FUSE_LOOKUP, [&] { return only_error(client.walk(kDisk, kFree, {"f"})); }},
      {"getattr", FUSE_GETATTR, [&] { return only_error(client.getattr(kPath)); }},
      {"read", FUSE_READ, [&] { return only_error(client.read(kFile, 0, 10)); }},
      {"write", FUSE_WRITE, [&] { return only_error(client.write(kFile, 0, "content")); }},
      {"fsync", FUSE_FSYNC, [&] { return calls.fsync(kFile); }},
      {"fsync of a directory", FUSE_FSYNCDIR, [&] { return calls.fsync(kDir); }},
      {"readdir", FUSE_READDIR, [&] { return only_error(client.readdir(kDir, 0, 1000)); }},
      {"open", FUSE_OPEN,
       [&] {
         EXPECT_TRUE(client.walk(kPath, kFree));
         return only_error(client.open(kFree, O_RDONLY));
       }},
      {"open of a directory", FUSE_OPENDIR,
       [&] {
         EXPECT_TRUE(client.walk(kDisk, kFree));
         return only_error(client.open(kFree, O_RDONLY));
       }},
      {"create", FUSE_CREATE,
       [&] { return only_error(client.create(kDisk, kFree, "new", O_RDWR, 0644, 0)); }},
      {"mkdir", FUSE_MKDIR, [&] { return calls.mkdir("new", 0755, kDisk); }},
      {"symlink", make_symlink, [&] { return calls.symlink("x", "new", kDisk); }},
      {"link", FUSE_LINK, [&] { return calls.link(kPath, "new", kDisk); }},
      {"unlink", FUSE_UNLINK, [&] { return client.unlink(kDisk, "f"); }},
      {"rmdir", FUSE_RMDIR, [&] { return calls.remove(S_IFDIR, "d", kDisk); }},
      {"rename", FUSE_RENAME, [&] { return client.rename(kDisk, "f", kDisk, "g"); }},
      {"rename over", FUSE_RENAME, [&] { return client.rename(kDisk, "d", kDisk, "e"); }},
      {"truncate", FUSE_SETATTR, [&] { return client.truncate(kPath, 3); }},
      {"ftruncate", FUSE_SETATTR, [&] { return client.truncate(kFile, 3); }},
      {"utimens", FUSE_SETATTR, [&] { return calls.utimens(kPath, {}, {}); }},
      {"getxattr", FUSE_GETXATTR,
       [&] { return only_error(client.get_xattr(kPath, kFree, "user.x")); }},
      {"listxattr", FUSE_LISTXATTR, [&] { return only_error(client.get_xattr(kPath, kFree, "")); }},
      {"setxattr", FUSE_SETXATTR,
       [&] { return client.set_xattr(kPath, kFree, "user.x", "other"); }},
      {"removexattr", FUSE_REMOVEXATTR, [&] { return calls.remove_xattr(kPath, "user.x"); }},
      {"statfs", FUSE_STATFS,
       [&] { return only_error(client.ask<wire::Rstatfs>(wire::Tstatfs{.fid = kPath})); }},
  };
}

TEST_P(FailingDisk, EveryCallGivesTheDisksErrorAndChangesNothing) {
  for (const FailingCall& failing : failing_calls(client, calls, is_mapped())) {
    for (const int error : {EIO, ESTALE, EROFS, EDQUOT, ENOSPC, EMLINK}) {
      SCOPED_TRACE(std::string(failing.name) + " " + errno_name(Errno{error}));
      disk.fail(failing.opcode, error);
      EXPECT_ERRNO(error, failing.call());
      disk.repair();
      (void)client.clunk(kFree);
    }
    SCOPED_TRACE(failing.name);
    expect_unharmed();
  }
}

/// A record that cannot be read is not "no record": the host's owner must not show through.
TEST_P(FailingDiskWithRecords, UnreadableRecordsAreErrors) {
  ASSERT_TRUE(calls.chown(kPath, 1234, 5678));
  const bool is_file = identity() == fs::IdentityKind::mapped_file;
  disk.fail(is_file ? FUSE_READ : FUSE_GETXATTR, EIO);
  EXPECT_ERRNO(EIO, client.getattr(kPath));
  EXPECT_ERRNO(EIO, client.walk(kDisk, kFree, {"f"}));
  EXPECT_ERRNO(EIO, client.chmod(kPath, 0600));
  disk.repair();
  EXPECT_EQ(client.getattr(kPath)->uid, 1234U);
  EXPECT_EQ(client.getattr(kPath)->mode, S_IFREG | 0640U);
}

/// A type that cannot be found out is left open, so that programs ask; it is never a wrong one.
TEST_P(FailingDisk, EntriesWithUnreadableRecordsHaveNoType) {
  ASSERT_TRUE(client.walk(kDisk, kFree));
  ASSERT_TRUE(client.open(kFree, O_RDONLY));
  disk.fail(identity() == fs::IdentityKind::mapped_file ? FUSE_READ : FUSE_GETXATTR, EIO);
  const auto entries = client.readdir(kFree, 0, 1000);
  disk.repair();
  ASSERT_TRUE(entries);
  for (const Entry& entry : *entries) {
    SCOPED_TRACE(entry.name);
    const std::uint32_t type = std::uint32_t{entry.type} << 12U;
    if (entry.name == "l") {
      EXPECT_EQ(type, is_mapped() ? 0U : std::uint32_t{S_IFLNK});
    } else if (entry.name == "d") {
      EXPECT_EQ(type, std::uint32_t{S_IFDIR});
    }
  }
  EXPECT_EQ(entries->size(), 6U);
}

/// What is made and cannot get its owner is taken away again.
TEST_P(FailingDisk, HalfMadeFilesAreTakenAway) {
  std::uint32_t opcode = FUSE_SETATTR;
  if (is_mapped()) {
    opcode = identity() == fs::IdentityKind::mapped_file ? FUSE_WRITE : FUSE_SETXATTR;
  }
  disk.fail(opcode, EDQUOT);
  EXPECT_ERRNO(EDQUOT, client.create(kDisk, kFree, "new", O_RDWR, 0644, 0));
  EXPECT_ERRNO(EDQUOT, calls.mkdir("new", 0755, kDisk));
  if (is_mapped()) {
    EXPECT_ERRNO(EDQUOT, calls.symlink("x", "new", kDisk));
  }
  EXPECT_ERRNO(EDQUOT, calls.mknod("new", S_IFREG | 0644, 0, 0, kDisk));
  disk.repair();
  expect_unharmed();
}

TEST_P(FailingDisk, FullInTheMiddleOfAWrite) {
  const std::string data(60'000, 'x');
  constexpr std::uint32_t kDsync = 010000;
  for (const int error : {ENOSPC, EDQUOT, EIO}) {
    for (const std::uint32_t flags : {std::uint32_t{O_RDWR}, O_RDWR | kDsync}) {
      SCOPED_TRACE(errno_name(Errno{error}) + " " + std::to_string(flags));
      ASSERT_TRUE(client.create(kDisk, kFree, "big", flags, 0644, 0));
      disk.limit_writes(20'480, error);
      std::uint32_t total = 0;
      Result<std::uint32_t> written;
      while ((written = client.write(kFree, total, std::string_view(data).substr(total)))) {
        ASSERT_GT(*written, 0U);
        total += *written;
        ASSERT_LE(total, 20'480U);
      }
      EXPECT_EQ(written.error(), Errno{error});
      EXPECT_GT(total, 0U);
      EXPECT_EQ(client.read(kFree, 0, 65'000), data.substr(0, total));
      disk.repair();
      EXPECT_EQ(client.write(kFree, total, std::string_view(data).substr(total)),
                data.size() - total);
      EXPECT_EQ(client.read(kFree, 0, 65'000), data);
      EXPECT_TRUE(client.unlink(kDisk, "big"));
      EXPECT_TRUE(client.clunk(kFree));
    }
  }
}

TEST_P(FailingDisk, DeadFileSystemDoesNotTakeTheRestAlong) {
  ASSERT_TRUE(calls.touch("beside", "alive"));
  disk.die();
  EXPECT_ERRNO(ENOTCONN, client.getattr(kPath));
  EXPECT_ERRNO(ENOTCONN, client.walk(kDisk, kFree, {"f"}));
  EXPECT_FALSE(client.write(kFile, 0, "x"));
  EXPECT_FALSE(client.readdir(kDir, 0, 1000));
  EXPECT_TRUE(client.clunk(kFile));
  EXPECT_EQ(calls.stat("beside")->size, 5U);
  EXPECT_TRUE(calls.touch("new", "x"));
}

TEST_P(FailingDisk, TheLogSaysItOnce) {
  testing::internal::CaptureStderr();
  disk.fail(FUSE_READ, EIO);
  disk.fail(FUSE_FSYNC, EIO);
  disk.fail(FUSE_WRITE, ENOSPC);
  for (int i = 0; i < 10; ++i) {
    EXPECT_ERRNO(EIO, client.read(kFile, 0, 10));
    EXPECT_ERRNO(EIO, calls.fsync(kFile));
    EXPECT_ERRNO(ENOSPC, client.write(kFile, 0, "x"));
    EXPECT_ERRNO(ENOENT, client.walk(kDisk, kFree, {"missing"}));
  }
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_NE(log.find("the disk under the tree fails"), std::string::npos) << log;
  EXPECT_NE(log.find("is full"), std::string::npos) << log;
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 2) << log;
}

}  // namespace
}  // namespace nineroot::test
