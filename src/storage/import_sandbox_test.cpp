#include "storage/import_sandbox.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <string>

#include <gtest/gtest.h>

#include "base/unique_fd.h"
#include "storage/scratch_directory.h"

namespace nineroot::storage {
namespace {

/// What `act` gives in a process that is shut in to `directory`.
int shut_in(const std::filesystem::path& directory, const std::function<bool()>& act) {
  const UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const pid_t child = ::fork();
  if (child == 0) {
    if (!enter_import_sandbox(fd.get(), -1)) {
      ::_exit(2);
    }
    ::_exit(act() ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

TEST(ImportSandbox, LetsItsOwnDirectoryBeWritten) {
  const ScratchDirectory scratch;
  const std::string file = scratch.path() / "file";
  EXPECT_EQ(shut_in(scratch.path(),
                    [&] {
                      const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
                      return fd >= 0 && ::write(fd, "x", 1) == 1 && ::ftruncate(fd, 0) == 0;
                    }),
            0);
}

TEST(ImportSandbox, KeepsOtherFilesShut) {
  if (::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION) < 2) {
    GTEST_SKIP() << "this kernel has no Landlock that can keep files apart";
  }
  const ScratchDirectory scratch;
  const ScratchDirectory other;
  const std::string file = other.path() / "file";
  EXPECT_EQ(shut_in(scratch.path(), [] { return ::open("/etc/passwd", O_RDONLY | O_CLOEXEC) < 0; }),
            0);
  EXPECT_EQ(shut_in(scratch.path(),
                    [&] { return ::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600) < 0; }),
            0);
  EXPECT_FALSE(std::filesystem::exists(file));
}

TEST(ImportSandbox, HasNoNetworkNoProgramsNoProcesses) {
  const ScratchDirectory scratch;
  EXPECT_EQ(shut_in(scratch.path(), [] { return ::socket(AF_INET, SOCK_STREAM, 0) < 0; }), 0);
  EXPECT_EQ(shut_in(scratch.path(), [] { return ::socket(AF_UNIX, SOCK_STREAM, 0) < 0; }), 0);
  EXPECT_EQ(shut_in(scratch.path(),
                    [] {
                      ::execl("/bin/true", "true", nullptr);
                      return errno == EPERM;
                    }),
            0);
  EXPECT_EQ(shut_in(scratch.path(), [] { return ::fork() < 0 && errno == EPERM; }), 0);
  EXPECT_EQ(shut_in(scratch.path(), [] { return ::kill(::getppid(), 0) < 0; }), 0);
}

}  // namespace
}  // namespace nineroot::storage
