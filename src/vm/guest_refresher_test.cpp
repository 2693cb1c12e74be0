#include "vm/guest_refresher.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>

#include "agent/server.h"
#include "storage/scratch_directory.h"
#include "vm/agent_link.h"
#include "vm/unix_socket.h"

namespace nineroot::vm {
namespace {

using agent::RefreshTask;
using std::chrono::seconds;

// The guest is this host; its refresher does nothing but answer.
class Guest : public agent::Surroundings {
 public:
  std::string boot_id() override { return "this-boot"; }

  bool has_booted() override { return true; }

  void power_off() override {}

  // "ok" for all but what is called "bad"; ends at "end"; says nothing of "mute".
  int refresh() override {
    std::string record;
    for (char byte = 0; ::read(STDIN_FILENO, &byte, 1) == 1;) {
      if (byte != '\0') {
        record.push_back(byte);
        continue;
      }
      const std::optional<RefreshTask> task = agent::decode_refresh_task(record);
      record.clear();
      if (!task || task->path == "end") {
        return 1;
      }
      const std::string answer = task->path == "bad"    ? "cannot\x1b do that\n"
                                 : task->path == "mute" ? ""
                                                        : "ok\n";
      [[maybe_unused]] const ssize_t ignored = ::write(STDOUT_FILENO, answer.data(), answer.size());
    }
    return 0;
  }
};

class GuestRefresherTest : public testing::Test {
 protected:
  GuestRefresherTest() {
    Result<UniqueFd> listener = listen_unix(scratch.path() / "port");
    EXPECT_TRUE(listener);
    Outcome<std::unique_ptr<AgentLink>> link = AgentLink::start(scratch.path() / "port", control());
    EXPECT_TRUE(link) << link.error().text();
    link_ = std::move(*link);
    port_.reset(::accept4(listener->get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  }

  ~GuestRefresherTest() override { stop_agent(); }

  [[nodiscard]] std::filesystem::path control() const { return scratch.path() / "control"; }

  void start_agent() {
    agent_ = ::fork();
    if (agent_ == 0) {
      ::signal(SIGPIPE, SIG_IGN);
      Guest surroundings;
      agent::Server(surroundings).serve(port_.get());
      _exit(0);
    }
  }

  void stop_agent() {
    if (agent_ > 0) {
      ::kill(agent_, SIGKILL);
      ::waitpid(agent_, nullptr, 0);
      agent_ = -1;
    }
  }

  Outcome<GuestRefresher> open(seconds patience = seconds(60)) {
    return GuestRefresher::open(control(), patience, patience);
  }

  static RefreshTask of(const std::string& path) {
    return {.kind = RefreshTask::Kind::path, .path = path};
  }

  storage::ScratchDirectory scratch;
  std::unique_ptr<AgentLink> link_;
  UniqueFd port_;
  pid_t agent_ = -1;
};

TEST_F(GuestRefresherTest, ReturnsWhenAllIsAnswered) {
  start_agent();
  Outcome<GuestRefresher> guest = open();
  ASSERT_TRUE(guest) << guest.error().text();
  for (int i = 0; i < 3; ++i) {
    const auto complaints = guest->run({of("a"), of("bad"), of("b")});
    ASSERT_TRUE(complaints) << complaints.error().text();
    EXPECT_EQ(*complaints, std::vector<std::string>{"cannot? do that"});
  }
  EXPECT_TRUE(guest->run({}));
}

TEST_F(GuestRefresherTest, SendsMoreThanAWindowAtOnce) {
  start_agent();
  Outcome<GuestRefresher> guest = open();
  ASSERT_TRUE(guest);
  const std::vector<RefreshTask> tasks(3000, of(std::string(200, 'x')));
  const auto complaints = guest->run(tasks);
  ASSERT_TRUE(complaints) << complaints.error().text();
  EXPECT_TRUE(complaints->empty());
}

TEST_F(GuestRefresherTest, FailsWithoutAnAgent) {
  const Outcome<GuestRefresher> guest = open(seconds(1));
  ASSERT_FALSE(guest);
  EXPECT_NE(guest.error().text().find("does not answer"), std::string::npos);
}

TEST_F(GuestRefresherTest, FailsWithoutAMachine) {
  EXPECT_FALSE(GuestRefresher::open(scratch.path() / "nothing", seconds(0), seconds(0)));
}

TEST_F(GuestRefresherTest, FailsWhenTheGuestDoesNotAnswer) {
  start_agent();
  Outcome<GuestRefresher> guest = open(seconds(1));
  ASSERT_TRUE(guest);
  EXPECT_FALSE(guest->run({of("mute")}));
}

TEST_F(GuestRefresherTest, FailsWhenTheRefresherEnds) {
  start_agent();
  Outcome<GuestRefresher> guest = open();
  ASSERT_TRUE(guest);
  const auto done = guest->run({of("end")});
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().text().find("has ended"), std::string::npos);
}

TEST_F(GuestRefresherTest, FailsWhenTheGuestReboots) {
  start_agent();
  Outcome<GuestRefresher> guest = open();
  ASSERT_TRUE(guest);
  ASSERT_TRUE(guest->run({of("a")}));
  stop_agent();
  start_agent();
  const auto done = guest->run({of("mute")});
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().text().find("rebooted"), std::string::npos) << done.error().text();
}

}  // namespace
}  // namespace nineroot::vm
