#include "vm/server_process.h"

#include <fcntl.h>

#include <fstream>

#include <gtest/gtest.h>

#include "storage/scratch_directory.h"

namespace nineroot::vm {
namespace {

class ServerProcess : public ::testing::Test {
 protected:
  // A program in the server's place: its last two arguments are --ready-fd N.
  Outcome<Process> start(const std::string& script) {
    return start_server({"sh", "-c", script, "server"}, log_, {lock_.get()});
  }

  storage::ScratchDirectory scratch_;
  std::filesystem::path log_ = scratch_.path() / "log";
  UniqueFd lock_{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
};

TEST_F(ServerProcess, IsReadyWhenItSaysSo) {
  Outcome<Process> server = start("echo ready >&$2; exec 1>&-; sleep 1000");
  ASSERT_TRUE(server) << server.error().text();
  EXPECT_FALSE(server->wait(std::chrono::milliseconds(0)));
}

TEST_F(ServerProcess, ThatEndsBeforeItIsReadyTellsWhy) {
  const Outcome<Process> server = start("echo first; echo; echo the last words >&2; exit 3");
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().what(), "the 9P server does not start: it exited with status 3");
  EXPECT_EQ(server.error().because(), (std::vector<std::string>{"the last words", "first"}));
}

TEST(FailureWithLog, GivesTheLastLinesAndNeedsNone) {
  const storage::ScratchDirectory scratch;
  const std::filesystem::path log = scratch.path() / "log";
  EXPECT_TRUE(failure_with_log("it broke", log).because().empty());
  std::ofstream(log) << "1\n2\n3\n4\n5\n";
  const Failure failure = failure_with_log("it broke", log);
  EXPECT_EQ(failure.what(), "it broke");
  EXPECT_EQ(failure.because(), (std::vector<std::string>{"5", "4", "3"}));
}

}  // namespace
}  // namespace nineroot::vm
