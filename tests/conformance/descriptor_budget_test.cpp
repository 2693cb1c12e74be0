// Descriptors are a budget: a hundred thousand fids under `ulimit -n 1024`, with the right file
// behind each.
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/xattr.h>

#include <numeric>
#include <random>

#include "tests/conformance/conformance.h"

namespace nineroot::test {
namespace {

std::size_t open_descriptors() {
  return static_cast<std::size_t>(
      std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}));
}

void limit_descriptors(rlim_t count) {
  const rlimit limit{.rlim_cur = count, .rlim_max = count};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
}

bool fits_in_memory() {
  ::setenv("NINEROOT_TEST_DIR", "/dev/shm", 1);
  const TempDir probe;
  ::unsetenv("NINEROOT_TEST_DIR");
  return ::setxattr(probe.path().c_str(), "user.probe", "x", 1, 0) == 0;
}

TEST(DescriptorBudget, HoldsAHundredThousandFidsUnder1024Descriptors) {
  limit_descriptors(1024);
  // A hundred thousand files are made and removed: in memory where that keeps user xattrs.
  if (fits_in_memory()) {
    ::setenv("NINEROOT_TEST_DIR", "/dev/shm", 1);
  }
  constexpr std::uint32_t kFiles = 100'000;
  ServedTree served({.fd_limit = 768});
  Client9p& client = served.client();
  for (std::uint32_t dir = 0; dir < 100; ++dir) {
    const auto path = served.path() / std::to_string(dir);
    std::filesystem::create_directory(path);
    for (std::uint32_t file = 0; file < kFiles / 100; ++file) {
      write_host_file(path / std::to_string(file), std::to_string(dir * 1000 + file));
    }
  }
  for (std::uint32_t i = 0; i < kFiles; ++i) {
    const std::string dir = std::to_string(i / 1000);
    const std::string file = std::to_string(i % 1000);
    ASSERT_TRUE(client.walk(0, i + 1, {dir, file})) << i;
  }
  EXPECT_LT(open_descriptors(), 1024U);
  // In an order that no cache likes; half of them opened, and all still the right ones.
  std::vector<std::uint32_t> order(kFiles);
  std::iota(order.begin(), order.end(), 0U);
  std::shuffle(order.begin(), order.end(), std::mt19937(7));
  order.resize(20'000);
  for (const std::uint32_t i : order) {
    ASSERT_TRUE(client.open(i + 1, O_RDWR)) << i;
  }
  for (const std::uint32_t i : order) {
    ASSERT_EQ(client.read(i + 1, 0, 100), std::to_string(i));
  }
  EXPECT_LT(open_descriptors(), 1024U);
}

TEST(DescriptorBudget, ReopeningNeverTruncates) {
  limit_descriptors(400);
  ServedTree served({.fd_limit = 64});
  Client9p& client = served.client();
  constexpr std::uint32_t kFiles = 300;
  for (std::uint32_t i = 0; i < kFiles; ++i) {
    const std::string name = std::to_string(i);
    ASSERT_TRUE(client.create(0, i + 1, name, O_RDWR | O_TRUNC, 0644, 0));
    ASSERT_EQ(client.write(i + 1, 0, name), name.size());
  }
  for (std::uint32_t i = 0; i < kFiles; ++i) {
    EXPECT_EQ(client.getattr(i + 1)->size, std::to_string(i).size());
    EXPECT_EQ(client.read(i + 1, 0, 10), std::to_string(i));
  }
}

TEST(DescriptorBudget, RenamedOverFilesKeepTheirOwnContentAfterEviction) {
  limit_descriptors(400);
  ServedTree served({.fd_limit = 64});
  Client9p& client = served.client();
  constexpr std::uint32_t kFiles = 20;
  for (std::uint32_t i = 0; i < kFiles; ++i) {
    const std::string name = "victim-" + std::to_string(i);
    ASSERT_TRUE(client.create(0, i + 1, name, O_RDWR, 0644, 0));
    ASSERT_TRUE(client.write(i + 1, 0, "old"));
    ASSERT_TRUE(client.create(0, 1000, "new", O_RDWR, 0644, 0));
    ASSERT_TRUE(client.write(1000, 0, "NEW"));
    ASSERT_TRUE(client.rename(0, "new", 0, name));
  }
  for (std::uint32_t i = 0; i < 300; ++i) {
    ASSERT_TRUE(client.create(0, 2000 + i, "other-" + std::to_string(i), O_RDWR, 0644, 0));
  }
  for (std::uint32_t i = 0; i < kFiles; ++i) {
    EXPECT_EQ(client.read(i + 1, 0, 10), "old");
    EXPECT_TRUE(client.chmod(i + 1, 0600));
    EXPECT_EQ(read_host_file(served.path() / ("victim-" + std::to_string(i))), "NEW");
  }
}

TEST(DescriptorBudget, EvictedNodeThatTheHostReplacedIsAnError) {
  limit_descriptors(400);
  ServedTree served({.fd_limit = 64});
  Client9p& client = served.client();
  write_host_file(served.path() / "f", "first");
  ASSERT_TRUE(client.walk(0, 1, {"f"}));
  ASSERT_TRUE(client.walk(0, 2, {"f"}));
  ASSERT_TRUE(client.open(2, O_RDWR));
  for (std::uint32_t i = 0; i < 300; ++i) {
    ASSERT_TRUE(client.create(0, 2000 + i, "other-" + std::to_string(i), O_RDWR, 0644, 0));
  }
  std::filesystem::remove(served.path() / "f");
  write_host_file(served.path() / "f", "second");
  EXPECT_ERRNO(ENOENT, client.getattr(1));
  EXPECT_ERRNO(ESTALE, client.read(2, 0, 10));
  EXPECT_ERRNO(ESTALE, client.write(2, 0, "lost?"));
  EXPECT_EQ(read_host_file(served.path() / "f"), "second");
}

TEST(DescriptorBudget, TooManyNamelessFilesAreRefusedBeforeTheyLoseTheirName) {
  limit_descriptors(400);
  ServedTree served({.fd_limit = 64});
  Client9p& client = served.client();
  std::uint32_t unlinked = 0;
  Result<void> last;
  for (std::uint32_t i = 0; i < 1000 && last; ++i) {
    const std::string name = std::to_string(i);
    write_host_file(served.path() / name, name);
    ASSERT_TRUE(client.walk(0, i + 1, {name}));
    last = client.unlink(0, name);
    unlinked += last ? 1 : 0;
  }
  EXPECT_ERRNO(ENFILE, last);
  EXPECT_GE(unlinked, 40U);
  // The one that was refused is still there, and all the others still work.
  EXPECT_TRUE(std::filesystem::exists(served.path() / std::to_string(unlinked)));
  for (std::uint32_t i = 0; i < unlinked; ++i) {
    EXPECT_EQ(client.getattr(i + 1)->size, std::to_string(i).size());
  }
  // Room again once they are let go.
  for (std::uint32_t i = 0; i < unlinked; ++i) {
    ASSERT_TRUE(client.clunk(i + 1));
  }
  EXPECT_TRUE(client.unlink(0, std::to_string(unlinked)));
}

}  // namespace
}  // namespace nineroot::test
