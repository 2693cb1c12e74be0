// A directory with a million entries.
#include <stdlib.h>
#include <sys/xattr.h>

#include <vector>

#include <gtest/gtest.h>

#include "tests/conformance/posix.h"

namespace nineroot::test {
namespace {

constexpr std::size_t kEntries = 1'000'000;

/// Names are made in memory where that keeps user xattrs: on a disk it takes a minute.
void choose_place() {
  ::setenv("NINEROOT_TEST_DIR", "/dev/shm", 1);
  const TempDir probe;
  if (::setxattr(probe.path().c_str(), "user.probe", "x", 1, 0) != 0) {
    ::unsetenv("NINEROOT_TEST_DIR");
  }
}

/// Hard links, as few inodes as the host's limit of links allows.
void make_entries(const std::filesystem::path& directory) {
  constexpr std::size_t kLinks = 60'000;
  std::string first;
  for (std::size_t i = 0; i < kEntries; ++i) {
    const std::string path = (directory / std::to_string(i)).string();
    if (i % kLinks == 0) {
      write_host_file(path, "");
      first = path;
    } else {
      ASSERT_EQ(::link(first.c_str(), path.c_str()), 0);
    }
  }
}

TEST(LargeDirectory, AMillionEntriesAreReadOnceEach) {
  choose_place();
  ServedTree served;
  Client9p& client = served.client();
  make_entries(served.path());
  ASSERT_TRUE(client.walk(0, 1));
  ASSERT_TRUE(client.open(1, O_RDONLY));
  std::vector<bool> seen(kEntries);
  std::size_t count = 0;
  for (std::uint64_t offset = 0;;) {
    const auto entries = client.readdir(1, offset, 65'000);
    ASSERT_TRUE(entries);
    if (entries->empty()) {
      break;
    }
    offset = entries->back().offset;
    for (const Entry& entry : *entries) {
      if (entry.name == "." || entry.name == "..") {
        continue;
      }
      const std::size_t number = std::stoul(entry.name);
      ASSERT_LT(number, kEntries);
      ASSERT_FALSE(seen[number]) << number << " twice";
      seen[number] = true;
      ++count;
    }
  }
  EXPECT_EQ(count, kEntries);
  EXPECT_TRUE(client.walk(0, 2, {"999999"}));
  EXPECT_ERRNO(ENOENT, client.walk(0, 2, {"1000000"}));
  EXPECT_TRUE(client.unlink(0, "500000"));
  ::unsetenv("NINEROOT_TEST_DIR");
}

}  // namespace
}  // namespace nineroot::test
