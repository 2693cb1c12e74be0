// Real file systems that can share data, mounted for one test, and two trees on them that belong to
// an ordinary user, who does what is tested.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "base/unique_fd.h"
#include "tests/support/mounts.h"

namespace nineroot::test {

inline constexpr unsigned kUser = 20001;

/// Takes away this thread's rights for as long as it lives, all but those of kUser.
class AsOrdinaryUser {
 public:
  // The system calls themselves: the C library's would change all threads.
  AsOrdinaryUser() {
    ::syscall(SYS_setresgid, -1, kUser, -1);
    ::syscall(SYS_setresuid, -1, kUser, -1);
  }

  ~AsOrdinaryUser() {
    ::syscall(SYS_setresuid, -1, 0, -1);
    ::syscall(SYS_setresgid, -1, 0, -1);
  }

  AsOrdinaryUser(const AsOrdinaryUser&) = delete;
  AsOrdinaryUser& operator=(const AsOrdinaryUser&) = delete;
};

/// By type of file system.
class Disk : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    disk_.emplace(Mount::image(scratch_.path() / "disk", GetParam(), 512, "-q"));
    if (!disk_->is_mounted()) {
      GTEST_SKIP() << "mounting an image needs root, loop devices and mkfs." << GetParam();
    }
    ASSERT_EQ(::chmod(scratch_.path().c_str(), 0755), 0);
    ASSERT_EQ(::chown(at("").c_str(), kUser, kUser), 0);
  }

  [[nodiscard]] std::filesystem::path at(const std::string& path) const {
    return scratch_.path() / "disk" / path;
  }

  /// As the user.
  void make_directory(const std::string& path) const {
    const AsOrdinaryUser user;
    ASSERT_EQ(::mkdir(at(path).c_str(), 0700), 0) << path;
  }

  void put(const std::string& path, const std::string& content) const {
    const AsOrdinaryUser user;
    std::ofstream(at(path), std::ios::binary) << content;
  }

  /// As the user; what is to be measured is on the disk then.
  void run(const std::string& command) const {
    const std::string whole = "cd '" + at("").string() + "' && setpriv --reuid " +
                              std::to_string(kUser) + " --regid " + std::to_string(kUser) +
                              " --clear-groups --inh-caps=-all --bounding-set=-all "
                              "--no-new-privs sh -ec '" +
                              command + "'";
    ASSERT_TRUE(run_quietly(whole)) << command;
  }

  /// Until no ctime so far can be that of a change to come: two seconds by the rule of those who
  /// trust ctimes, which nobody can set.
  static void let_ctimes_age() {
    for (const std::time_t begin = std::time(nullptr); std::time(nullptr) < begin + 4;) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }

  void sync() const {
    const UniqueFd fd(::open(at("").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_EQ(::syncfs(fd.get()), 0);
  }

  [[nodiscard]] UniqueFd open(const std::string& path) const {
    return UniqueFd(::open(at(path).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  }

  TempDir scratch_;
  std::optional<Mount> disk_;
};

/// Bytes that do not compress to nothing and differ by `seed`.
inline std::string bytes_of(unsigned seed, std::size_t size) {
  std::string bytes(size, '\0');
  for (char& byte : bytes) {
    seed = seed * 1103515245U + 12345U;
    byte = static_cast<char>(seed >> 16U);
  }
  return bytes;
}

}  // namespace nineroot::test
