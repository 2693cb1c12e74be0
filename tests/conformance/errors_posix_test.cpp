// Errors of calls on files: what is open, what is a directory, what is out of range; and offsets
// beyond 32 bits.
#include <signal.h>
#include <sys/wait.h>

#include "tests/conformance/posix.h"

namespace nineroot::test {
namespace {

using ErrorsPosix = PosixTest;
INSTANTIATE_TEST_SUITE_P(Every, ErrorsPosix, every_identity(), name_of_identity);

TEST_P(ErrorsPosix, OnlyDirectoriesHoldNames) {
  for (const std::uint32_t type : types()) {
    if (type == S_IFDIR) {
      continue;
    }
    SCOPED_TRACE(name_of_type(type));
    ASSERT_TRUE(calls.make(type, "x"));
    ASSERT_TRUE(client.walk(0, 1, {"x"}));
    EXPECT_ERRNO(ENOTDIR, client.walk(1, 2, {"y"}));
    EXPECT_ERRNO(ENOTDIR, client.walk(0, 2, {"x", "y"}));
    EXPECT_ERRNO(ENOTDIR, client.walk(0, 2, {"x", "."}));
    EXPECT_ERRNO(ENOTDIR, client.walk(0, 2, {"x", ".."}));
    EXPECT_ERRNO(ENOTDIR, client.create(1, 2, "y", O_RDWR, 0644, 0));
    EXPECT_ERRNO(ENOTDIR, calls.mkdir("y", 0755, 1));
    EXPECT_ERRNO(ENOTDIR, calls.symlink("t", "y", 1));
    EXPECT_ERRNO(ENOTDIR, calls.mknod("y", S_IFIFO, 0, 0, 1));
    EXPECT_ERRNO(ENOTDIR, calls.link(1, "y", 1));
    EXPECT_ERRNO(ENOTDIR, client.unlink(1, "y"));
    EXPECT_ERRNO(ENOTDIR, client.rename(1, "y", 0, "z"));
    EXPECT_ERRNO(ENOTDIR, client.rename(0, "x", 1, "z"));
    EXPECT_ERRNO(ENOTDIR, client.unlink(0, "x", wire::kUnlinkRemoveDir));
    EXPECT_ERRNO(EEXIST, calls.mkdir("x"));
    EXPECT_ERRNO(EEXIST, calls.symlink("t", "x"));
    EXPECT_ERRNO(EEXIST, calls.mknod("x", S_IFIFO | 0600));
    EXPECT_ERRNO(EEXIST, client.create(0, 2, "x", O_RDWR | O_EXCL, 0644, 0));
    ASSERT_TRUE(client.unlink(0, "x"));
  }
}

TEST_P(ErrorsPosix, OpeningWhatCannotBeOpened) {
  for (const std::uint32_t type : types()) {
    SCOPED_TRACE(name_of_type(type));
    ASSERT_TRUE(calls.make(type, "x"));
    ASSERT_TRUE(client.walk(0, 1, {"x"}));
    if (type == S_IFDIR) {
      EXPECT_ERRNO(EISDIR, client.open(1, O_WRONLY));
      EXPECT_ERRNO(EISDIR, client.open(1, O_RDWR));
      EXPECT_ERRNO(EISDIR, client.create(0, 2, "x", O_RDWR, 0644, 0));
      EXPECT_ERRNO(EISDIR, client.create(0, 2, "x", O_RDONLY, 0644, 0));
      EXPECT_ERRNO(EISDIR, client.truncate(1, 0));
    } else if (type != S_IFREG) {
      const int error = type == S_IFLNK ? ELOOP : ENXIO;
      for (const std::uint32_t flags : {O_RDONLY, O_WRONLY, O_RDWR, 3}) {
        EXPECT_ERRNO(error, client.open(1, flags));
      }
      EXPECT_ERRNO(error, client.create(0, 2, "x", O_RDWR, 0644, 0));
      EXPECT_ERRNO(EINVAL, client.truncate(1, 0));
      EXPECT_EQ(calls.stat("x")->size, type == S_IFLNK ? 10U : 0U);
    }
    if (type != S_IFLNK) {
      EXPECT_ERRNO(EINVAL, client.readlink(1));
    }
    ASSERT_TRUE(calls.remove(type, "x"));
  }
}

TEST_P(ErrorsPosix, WrongKindOfOpenFid) {
  ASSERT_TRUE(calls.mkdir("d"));
  ASSERT_TRUE(client.create(0, 1, "f", O_RDWR, 0644, 0));
  ASSERT_TRUE(client.walk(0, 2, {"d"}));
  EXPECT_ERRNO(EBADF, client.readdir(2, 0, 1000));
  EXPECT_ERRNO(EBADF, calls.fsync(2));
  EXPECT_ERRNO(EBADF, client.read(2, 0, 10));
  ASSERT_TRUE(client.open(2, O_RDONLY));
  EXPECT_ERRNO(EISDIR, client.read(2, 0, 10));
  EXPECT_ERRNO(EISDIR, client.write(2, 0, "x"));
  EXPECT_ERRNO(ENOTDIR, client.readdir(1, 0, 1000));
  EXPECT_TRUE(calls.fsync(2));
  ASSERT_TRUE(client.walk(0, 3, {"f"}));
  ASSERT_TRUE(client.open(3, O_WRONLY));
  EXPECT_ERRNO(EBADF, client.read(3, 0, 10));
  EXPECT_EQ(client.write(3, 0, "x"), 1U);
}

TEST_P(ErrorsPosix, OffsetsOf64Bits) {
  ASSERT_TRUE(client.create(0, 1, "f", O_RDWR, 0644, 0));
  for (const std::uint64_t offset :
       {0x7fffffffULL, 0x80000000ULL, 0xffffffffULL, 0x100000000ULL, 0x3ffffff0000ULL}) {
    SCOPED_TRACE(offset);
    ASSERT_TRUE(client.truncate(1, 0));
    ASSERT_EQ(client.write(1, offset, "edge"), 4U);
    EXPECT_EQ(client.getattr(1)->size, offset + 4);
    EXPECT_EQ(client.read(1, offset - 2, 100), std::string("\0\0edge", 6));
    EXPECT_EQ(client.read(1, offset + 4, 100), "");
  }
  // A sparse file takes no room.
  EXPECT_LT(client.getattr(1)->blocks, 1000U);
  EXPECT_TRUE(client.truncate(1, 0x3ffffffffffULL));
  EXPECT_EQ(client.getattr(1)->size, 0x3ffffffffffULL);
  EXPECT_TRUE(client.truncate(1, 3));
  EXPECT_EQ(client.read(1, 0, 100), std::string(3, '\0'));
}

TEST_P(ErrorsPosix, BeyondWhatAFileCanBe) {
  ASSERT_TRUE(client.create(0, 1, "f", O_RDWR, 0644, 0));
  ASSERT_TRUE(client.write(1, 0, "kept"));
  EXPECT_ERRNO(EFBIG, client.truncate(1, INT64_MAX));
  EXPECT_ERRNO(EFBIG, client.write(1, INT64_MAX - 10, "x"));
  for (const std::uint64_t offset : {0x8000000000000000ULL, 0xffffffffffffffffULL}) {
    EXPECT_ERRNO(EFBIG, client.truncate(1, offset));
    EXPECT_ERRNO(EINVAL, client.write(1, offset, "x"));
    EXPECT_ERRNO(EINVAL, client.read(1, offset, 10));
  }
  EXPECT_ERRNO(EINVAL, client.read(1, INT64_MAX - 10, 100));  // As pread(2) on ext4.
  EXPECT_EQ(client.read(1, 0, 100), "kept");
}

TEST_P(ErrorsPosix, FileThatTheHostExecutesIsBusy) {
  const auto program = served.path() / "program";
  std::filesystem::copy_file("/bin/sleep", program);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::execl(program.c_str(), "program", "60", nullptr);
    ::_exit(126);
  }
  // Until the exec has happened the link is the test's own program.
  std::error_code ignored;
  while (std::filesystem::read_symlink("/proc/" + std::to_string(pid) + "/exe", ignored) !=
         std::filesystem::canonical(program)) {
    ASSERT_EQ(::waitpid(pid, nullptr, WNOHANG), 0);
  }
  ASSERT_TRUE(client.walk(0, 1, {"program"}));
  EXPECT_ERRNO(ETXTBSY, client.open(1, O_RDWR));
  EXPECT_ERRNO(ETXTBSY, client.open(1, O_WRONLY));
  EXPECT_ERRNO(ETXTBSY, client.truncate(1, 0));
  EXPECT_TRUE(client.chmod(1, 0700));
  EXPECT_TRUE(client.open(1, O_RDONLY));
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  ASSERT_TRUE(client.walk(0, 2, {"program"}));
  EXPECT_TRUE(client.open(2, O_RDWR));
}

TEST_P(ErrorsPosix, UnknownTypesAndFlags) {
  for (const std::uint32_t type : {S_IFDIR, S_IFLNK, 0030000, 0170000}) {
    SCOPED_TRACE(type);
    EXPECT_ERRNO(EINVAL, calls.mknod("x", type | 0644U));
  }
  ASSERT_TRUE(calls.mknod("x", 0644));  // No type at all is a regular file (mknod(2)).
  EXPECT_EQ(calls.stat("x")->mode, S_IFREG | 0644U);
  for (const std::uint32_t flags : {1U, 0x100U, 0x201U, 0xffffffffU}) {
    SCOPED_TRACE(flags);
    EXPECT_ERRNO(EINVAL, client.unlink(0, "x", flags));
  }
}

TEST_P(ErrorsPosix, RemovingADirectoryThatIsNotEmptyChangesNothing) {
  ASSERT_TRUE(calls.mkdir("empty"));
  // Many, as the order of entries on the disk is the host's: in some the guest's file comes last.
  for (int i = 0; i < 20; ++i) {
    const std::string name = std::to_string(i);
    SCOPED_TRACE(name);
    ASSERT_TRUE(calls.mkdir("d" + name, 01751));
    ASSERT_TRUE(client.walk(0, 1, {"d" + name}));
    ASSERT_TRUE(calls.touch(name, "", 1, 0741));
    EXPECT_ERRNO(ENOTEMPTY, calls.remove(S_IFDIR, "d" + name));
    EXPECT_ERRNO(ENOTEMPTY, client.rename(0, "empty", 0, "d" + name));
    EXPECT_EQ(client.getattr(1)->mode, S_IFDIR | 01751U);
    EXPECT_EQ(calls.stat(name, 1)->mode, S_IFREG | 0741U);
  }
}

}  // namespace
}  // namespace nineroot::test
