// What people get wrong on the command line of `serve`: each its own message, and an exit status
// that tells usage (2) from failure (1).
#include <gtest/gtest.h>

#include "tests/hostile/server_process.h"

namespace nineroot::test {
namespace {

void expect_failure(const std::vector<std::string>& arguments, int status,
                    const std::string& says) {
  const Finished finished = run_program(arguments);
  EXPECT_EQ(finished.status, status) << finished.standard_error;
  EXPECT_NE(finished.standard_error.find(says), std::string::npos) << finished.standard_error;
}

TEST(BadInput, ServeSaysWhatIsWrong) {
  const TempDir directory;
  const std::string tree = directory.path().string();
  write_host_file(directory.path() / "file", "");
  expect_failure({"serve"}, 2, "directory is required");
  expect_failure({"serve", tree}, 2, "nothing to serve on");
  expect_failure({"serve", tree + "/missing", "--listen", "unix:" + tree + "/s"}, 1, "ENOENT");
  expect_failure({"serve", tree + "/file", "--listen", "unix:" + tree + "/s"}, 1, "ENOTDIR");
  expect_failure({"serve", tree, "--listen", "udp:x"}, 2, "unix:PATH");
  expect_failure({"serve", tree, "--listen", "tcp:nowhere"}, 2, "tcp:HOST:PORT");
  expect_failure({"serve", tree, "--listen", "unix:" + tree + "/no/dir/s"}, 1, "no/dir");
  expect_failure({"serve", tree, "--fd", "77"}, 2, "descriptor 77");
  expect_failure({"serve", tree, "--identity", "odd", "--fd", "0"}, 2, "mapped-xattr");
  expect_failure({"serve", tree, "--map", "map:0:1000", "--fd", "0"}, 2, "takes 3 numbers");
  expect_failure({"serve", tree, "--map", "map:0:1:5,map:4:9:1", "--fd", "0"}, 2, "overlaps");
  expect_failure({"serve", tree, "--multidevs", "odd", "--fd", "0"}, 2, "remap, forbid or warn");
  expect_failure({"serve", tree, "--sandbox", "odd", "--fd", "0"}, 2, "strict");
  expect_failure({"serve", tree, "--vhost-user", tree + "/s", "--tag", ""}, 2, "tag");
  expect_failure({"frobnicate"}, 2, "");
  expect_failure({}, 2, "");
}

TEST(BadInput, TreeIsServedByOneServerAtATime) {
  const ServerProcess first;
  const TempDir sockets;
  expect_failure(
      {"serve", first.tree().string(), "--listen", "unix:" + (sockets.path() / "s").string()}, 1,
      "is served already");
}

TEST(BadInput, ReadOnlyServersShareATree) {
  const TempDir sockets;
  const ServerProcess first({"--read-only"});
  expect_failure(
      {"serve", first.tree().string(), "--listen", "unix:" + (sockets.path() / "s").string()}, 1,
      "is served already");
  // A second reader gets as far as its bad socket, which comes after the lock.
  expect_failure({"serve", first.tree().string(), "--read-only", "--fd", "77"}, 2, "descriptor 77");
}

}  // namespace
}  // namespace nineroot::test
