// Two servers of one tree, each with a guest, and what is left of one that dies.
#include <fcntl.h>
#include <signal.h>

#include <gtest/gtest.h>

#include "tests/hostile/server_process.h"

namespace nineroot::test {
namespace {

/// A guest of one server with a file open as fid 1.
class Guest {
 public:
  explicit Guest(const ServerProcess& server) : channel_(server.connect()) {
    EXPECT_TRUE(client_.version());
    EXPECT_TRUE(client_.attach(0, 0));
    EXPECT_TRUE(client_.create(0, 1, "f", O_RDWR, 0644, 0));
  }

  std::uint8_t lock(std::uint8_t type) {
    const auto reply = client_.ask<wire::Rlock>(wire::Tlock{.fid = 1,
                                                            .type = type,
                                                            .flags = 0,
                                                            .start = 0,
                                                            .length = 0,
                                                            .proc_id = 1,
                                                            .client_id = "guest"});
    return reply ? reply->status : UINT8_MAX;
  }

 private:
  SocketChannel channel_;
  Client9p client_{channel_};
};

TEST(SharedTree, TwoServersKeepTheirGuestsLocksApart) {
  const ServerProcess first({"--shared"});
  auto second = std::make_unique<ServerProcess>(std::vector<std::string>{"--shared"}, first.tree());
  Guest one(first);
  {
    Guest two(*second);
    EXPECT_EQ(two.lock(wire::kLockWrite), wire::kLockSuccess);
    EXPECT_EQ(one.lock(wire::kLockRead), wire::kLockBlocked);
    ASSERT_EQ(::kill(second->pid(), SIGKILL), 0);
    second->stop();
  }
  EXPECT_EQ(one.lock(wire::kLockWrite), wire::kLockSuccess);
}

TEST(SharedTree, IsNotServedExclusivelyToo) {
  const ServerProcess first({"--shared"});
  const TempDir sockets;
  const Finished finished = run_program(
      {"serve", first.tree().string(), "--listen", "unix:" + (sockets.path() / "s").string()});
  EXPECT_EQ(finished.status, 1);
  EXPECT_NE(finished.standard_error.find("is served already"), std::string::npos);
  EXPECT_NE(finished.standard_error.find("--shared"), std::string::npos);
}

TEST(SharedTree, WithRecordsByNameHasOneServerThatWrites) {
  const ServerProcess first({"--shared", "--identity", "mapped-file"});
  const TempDir sockets;
  const Finished finished =
      run_program({"serve", first.tree().string(), "--shared", "--identity", "mapped-file",
                   "--listen", "unix:" + (sockets.path() / "s").string()});
  EXPECT_EQ(finished.status, 1);
  EXPECT_NE(finished.standard_error.find("is served already"), std::string::npos);
  EXPECT_NE(finished.standard_error.find("mapped-file"), std::string::npos);
}

}  // namespace
}  // namespace nineroot::test
