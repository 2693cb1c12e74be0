// What the host's own rules forbid, to a server that is root too: immutable and append-only files,
// mount points, other file systems, read-only mounts.
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mount.h>

#include "tests/conformance/posix.h"
#include "tests/support/mounts.h"

namespace nineroot::test {
namespace {

using HostRules = PosixTest;
INSTANTIATE_TEST_SUITE_P(Every, HostRules, every_identity(), name_of_identity);

/// chattr(1) for as long as it lives.
class Flagged {
 public:
  Flagged(const std::filesystem::path& path, int flag)
      : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)), flag_(flag) {
    is_set_ = change(flag, 0);
  }
  ~Flagged() { (void)change(0, flag_); }
  Flagged(const Flagged&) = delete;
  Flagged& operator=(const Flagged&) = delete;

  [[nodiscard]] bool is_set() const { return is_set_; }

 private:
  bool change(int add, int drop) {
    int flags = 0;
    if (::ioctl(fd_.get(), FS_IOC_GETFLAGS, &flags) < 0) {
      return false;
    }
    flags = (flags | add) & ~drop;
    return ::ioctl(fd_.get(), FS_IOC_SETFLAGS, &flags) == 0;
  }

  UniqueFd fd_;
  int flag_;
  bool is_set_ = false;
};

#define FLAGGED_OR_SKIP(flagged)                                                \
  if (!(flagged).is_set()) {                                                    \
    GTEST_SKIP() << "chattr needs root, and a file system that knows the flag"; \
  }

TEST_P(HostRules, ImmutableFile) {
  ASSERT_TRUE(calls.touch("f", "content", 0, 0641));
  ASSERT_TRUE(calls.touch("other"));
  const Flagged immutable(served.path() / "f", FS_IMMUTABLE_FL);
  FLAGGED_OR_SKIP(immutable);
  ASSERT_TRUE(client.walk(0, 1, {"f"}));
  EXPECT_ERRNO(EPERM, client.open(1, O_RDWR));
  EXPECT_ERRNO(EPERM, client.open(1, O_WRONLY));
  EXPECT_ERRNO(EPERM, client.truncate(1, 0));
  EXPECT_ERRNO(EPERM, calls.utimens(1, {}, {}));
  EXPECT_ERRNO(EPERM, calls.link(1, "g"));
  EXPECT_ERRNO(EPERM, client.unlink(0, "f"));
  EXPECT_ERRNO(EPERM, client.rename(0, "f", 0, "g"));
  EXPECT_ERRNO(EPERM, client.rename(0, "other", 0, "f"));
  EXPECT_ERRNO(EPERM, client.set_xattr(1, 50, "user.x", "y"));
  EXPECT_ERRNO(EPERM, client.chmod(1, 0600));
  if (identity() != fs::IdentityKind::none) {
    EXPECT_ERRNO(EPERM, calls.chown(1, 1234, 1234));
  }
  ASSERT_TRUE(client.open(1, O_RDONLY));
  EXPECT_EQ(client.read(1, 0, 100), "content");
  EXPECT_EQ(client.getattr(1)->mode, S_IFREG | 0641U);
  EXPECT_EQ(client.getattr(1)->nlink, 1U);
  EXPECT_EQ(calls.names(0), (std::multiset<std::string>{"f", "other"}));
}

TEST_P(HostRules, ImmutableDirectory) {
  ASSERT_TRUE(calls.mkdir("d", 0751));
  ASSERT_TRUE(client.walk(0, 1, {"d"}));
  ASSERT_TRUE(calls.touch("f", "content", 1, 0641));
  ASSERT_TRUE(calls.touch("other"));
  const Flagged immutable(served.path() / "d", FS_IMMUTABLE_FL);
  FLAGGED_OR_SKIP(immutable);
  for (const std::uint32_t type : types()) {
    EXPECT_ERRNO(EPERM, calls.make(type, "new", 1));
  }
  EXPECT_ERRNO(EPERM, client.unlink(1, "f"));
  EXPECT_ERRNO(EPERM, client.rename(1, "f", 0, "g"));
  EXPECT_ERRNO(EPERM, client.rename(0, "other", 1, "f"));
  EXPECT_ERRNO(EPERM, client.rename(0, "other", 1, "new"));
  EXPECT_ERRNO(EPERM, client.rename(0, "d", 0, "e"));
  EXPECT_EQ(calls.stat("f", 1)->mode, S_IFREG | 0641U);
  EXPECT_EQ(calls.stat("d")->mode, S_IFDIR | 0751U);
  EXPECT_EQ(calls.names(1), (std::multiset<std::string>{"f"}));
}

TEST_P(HostRules, AppendOnlyFileTakesWhatIsAppended) {
  ASSERT_TRUE(calls.touch("log", "first,"));
  const Flagged append_only(served.path() / "log", FS_APPEND_FL);
  FLAGGED_OR_SKIP(append_only);
  ASSERT_TRUE(client.walk(0, 1, {"log"}));
  EXPECT_ERRNO(EPERM, client.open(1, O_RDWR));
  EXPECT_ERRNO(EPERM, client.open(1, O_WRONLY));
  EXPECT_ERRNO(EPERM, client.truncate(1, 0));
  EXPECT_ERRNO(EPERM, client.unlink(0, "log"));
  // A client that keeps a cache tries without O_APPEND first, and then again as it was asked.
  ASSERT_TRUE(client.open(1, O_WRONLY | O_APPEND));
  EXPECT_EQ(client.write(1, 6, "second"), 6U);
  EXPECT_EQ(read_host_file(served.path() / "log"), "first,second");
}

TEST_P(HostRules, MountPointsAreBusyAndRenamesStayInside) {
  ASSERT_TRUE(calls.touch("f", "x"));
  ASSERT_TRUE(calls.mkdir("d"));
  const Mount one = Mount::tmpfs(served.path() / "one");
  const Mount two = Mount::tmpfs(served.path() / "two");
  const Mount bound = Mount::bind(served.path() / "d", served.path() / "bound");
  if (!one.is_mounted() || !two.is_mounted() || !bound.is_mounted()) {
    GTEST_SKIP() << "mounting needs root";
  }
  ASSERT_TRUE(client.walk(0, 1, {"one"}));
  ASSERT_TRUE(client.walk(0, 2, {"two"}));
  ASSERT_TRUE(client.walk(0, 3, {"f"}));
  write_host_file(one.path() / "inner", "inner");
  EXPECT_ERRNO(EXDEV, client.rename(1, "inner", 2, "inner"));
  EXPECT_ERRNO(EXDEV, client.rename(1, "inner", 0, "inner"));
  EXPECT_ERRNO(EXDEV, client.rename(0, "f", 1, "f"));
  EXPECT_ERRNO(EXDEV, client.rename(0, "f", 1, "inner"));
  EXPECT_ERRNO(EXDEV, client.rename(0, "d", 1, "d"));
  EXPECT_ERRNO(EXDEV, calls.link(3, "f", 1));
  EXPECT_ERRNO(EBUSY, calls.remove(S_IFDIR, "two"));
  EXPECT_ERRNO(EBUSY, client.rename(0, "two", 0, "elsewhere"));
  EXPECT_ERRNO(EBUSY, client.rename(0, "d", 0, "two"));
  EXPECT_ERRNO(EBUSY, calls.remove(S_IFDIR, "bound"));
  EXPECT_EQ(read_host_file(one.path() / "inner"), "inner");
  EXPECT_EQ(calls.names(0), (std::multiset<std::string>{"bound", "d", "f", "one", "two"}));
}

TEST_P(HostRules, ReadOnlyMountIsErofs) {
  std::filesystem::create_directory(served.path() / "source");
  write_host_file(served.path() / "source/f", "content");
  const Mount bound = Mount::bind(served.path() / "source", served.path() / "ro");
  if (!bound.is_mounted() || ::mount(nullptr, bound.path().c_str(), nullptr,
                                     MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr) != 0) {
    GTEST_SKIP() << "mounting needs root";
  }
  ASSERT_TRUE(client.walk(0, 1, {"ro"}));
  ASSERT_TRUE(client.walk(1, 2, {"f"}));
  for (const std::uint32_t type : types()) {
    EXPECT_ERRNO(EROFS, calls.make(type, "new", 1));
  }
  EXPECT_ERRNO(EROFS, client.open(2, O_RDWR));
  EXPECT_ERRNO(EROFS, client.truncate(2, 0));
  EXPECT_ERRNO(EROFS, client.chmod(2, 0600));
  EXPECT_ERRNO(EROFS, calls.utimens(2, {}, {}));
  EXPECT_ERRNO(EROFS, client.unlink(1, "f"));
  EXPECT_ERRNO(EROFS, client.rename(1, "f", 1, "g"));
  EXPECT_ERRNO(EROFS, client.set_xattr(2, 50, "user.x", "y"));
  ASSERT_TRUE(client.open(2, O_RDONLY));
  EXPECT_EQ(client.read(2, 0, 100), "content");
}

}  // namespace
}  // namespace nineroot::test
