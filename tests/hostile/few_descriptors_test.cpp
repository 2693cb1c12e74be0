// A server whose user allows it next to no descriptors: it serves all that a guest holds, or says
// at its start that it cannot.
#include <fcntl.h>
#include <sys/resource.h>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/hostile/server_process.h"

namespace nineroot::test {
namespace {

/// For this process and all that it starts from now on; each test has a process of its own.
void limit_descriptors(rlim_t count) {
  const rlimit limit{.rlim_cur = count, .rlim_max = count};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
}

class FewDescriptors : public testing::TestWithParam<rlim_t> {};

TEST_P(FewDescriptors, KeepWhatManyOpenFilesHold) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the sanitizer takes a pipe to look at an object, and calls it broken without";
#endif
  limit_descriptors(GetParam());
  for (const char* identity : {"mapped-xattr", "mapped-file"}) {
    ServerProcess server({"--identity", identity});
    SocketChannel channel(server.connect());
    Client9p client(channel);
    ASSERT_TRUE(client.version());
    ASSERT_TRUE(client.attach(0, 0));
    constexpr std::uint32_t kFiles = 300;
    for (std::uint32_t i = 1; i <= kFiles; ++i) {
      const auto made = client.create(0, i, fmt::format("f{}", i), O_RDWR, 0640, 7);
      ASSERT_TRUE(made) << i << " " << code(made.error());
    }
    // Each loses its descriptor many times over before it is used again.
    for (std::uint32_t i = 1; i <= kFiles; ++i) {
      ASSERT_TRUE(client.write(i, 0, fmt::format("content of {}", i))) << i;
    }
    for (std::uint32_t i = kFiles; i > 0; --i) {
      const auto content = client.read(i, 0, 100);
      ASSERT_TRUE(content) << i << " " << code(content.error());
      EXPECT_EQ(*content, fmt::format("content of {}", i));
    }
    for (std::uint32_t i = 1; i <= kFiles; ++i) {
      EXPECT_EQ(read_host_file(server.tree() / fmt::format("f{}", i)),
                fmt::format("content of {}", i));
    }
    EXPECT_EQ(server.stop(), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Limits, FewDescriptors, testing::Values(256, 128, 64));

TEST(TooFewDescriptors, AreToldAtTheStart) {
  const TempDir tree;
  const TempDir sockets;
  limit_descriptors(48);
  while (true) {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < 16) {
      break;
    }
    const Finished finished = run_program(
        {"serve", "--listen", "unix:" + (sockets.path() / "s").string(), tree.path().string()});
    EXPECT_EQ(finished.status, 1) << limit.rlim_cur;
    EXPECT_NE(finished.standard_error.find("ulimit -n"), std::string::npos)
        << limit.rlim_cur << finished.standard_error;
    limit_descriptors(limit.rlim_cur - 8);
  }
}

}  // namespace
}  // namespace nineroot::test
