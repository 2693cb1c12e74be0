#include "vm/qmp.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nineroot::vm {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;

constexpr milliseconds kPatience{10000};
constexpr std::string_view kGreeting =
    "{\"QMP\": {\"version\": {\"qemu\": {\"major\": 7}}, \"capabilities\": [\"oob\"]}}\r\n";

// QEMU's end of the stream, played from recorded lines.
class QmpTest : public ::testing::Test {
 protected:
  QmpTest() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
      std::abort();
    }
    ours_.reset(ends[0]);
    qemu_.reset(ends[1]);
  }

  void say(std::string_view text) {
    ASSERT_EQ(::send(qemu_.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  }

  std::string hear() {
    char buffer[512];
    const ssize_t got = ::recv(qemu_.get(), buffer, sizeof buffer, 0);
    return got > 0 ? std::string(buffer, static_cast<std::size_t>(got)) : std::string();
  }

  UniqueFd ours_;
  UniqueFd qemu_;
};

TEST_F(QmpTest, LeavesTheNegotiationAndReadsEventsSplitAnywhere) {
  say(kGreeting);
  say("{\"return\": {}}\r\n{\"timestamp\": {}, \"event\": \"RES");
  Outcome<Qmp> qmp = Qmp::open(std::move(ours_), kPatience);
  ASSERT_TRUE(qmp) << qmp.error().text();
  EXPECT_EQ(hear(), "{\"execute\":\"qmp_capabilities\"}\n");
  EXPECT_TRUE(qmp->receive()->empty());
  say("ET\", \"data\": {\"guest\": true, \"reason\": \"guest-reset\"}}\r\n{\"return\": {}}\r\n"
      "{\"event\": \"STOP\"}\r\n");
  EXPECT_THAT(*qmp->receive(), ElementsAre(QmpEvent{"RESET", "guest-reset"}, QmpEvent{"STOP", ""}));
  ASSERT_TRUE(qmp->send("quit"));
  EXPECT_EQ(hear(), "{\"execute\":\"quit\"}\n");
}

TEST_F(QmpTest, GivesTheLastEventsBeforeItTellsTheEnd) {
  say(kGreeting);
  say("{\"return\": {}}\r\n");
  Outcome<Qmp> qmp = Qmp::open(std::move(ours_), kPatience);
  ASSERT_TRUE(qmp);
  say("{\"event\": \"SHUTDOWN\", \"data\": {\"guest\": true, \"reason\": \"guest-shutdown\"}}\r\n");
  qemu_.reset();
  EXPECT_THAT(*qmp->receive(), ElementsAre(QmpEvent{"SHUTDOWN", "guest-shutdown"}));
  EXPECT_EQ(qmp->receive(), fail(ECONNRESET));
  EXPECT_FALSE(qmp->send("quit"));
}

TEST_F(QmpTest, TellsAQemuThatEndsFromOneThatIsSilentAndFromAnotherProgram) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const UniqueFd silent(ends[1]);
  EXPECT_EQ(Qmp::open(UniqueFd(ends[0]), milliseconds(1)).error().what(), "QEMU does not answer");
  say("220 ready\r\n");
  EXPECT_EQ(Qmp::open(UniqueFd(::dup(ours_.get())), kPatience).error().what(),
            "QEMU does not speak QMP");
  qemu_.reset();
  EXPECT_EQ(Qmp::open(std::move(ours_), kPatience).error().what(), "QEMU has ended");
}

TEST_F(QmpTest, SurvivesMessagesOfTheWrongShape) {
  say(kGreeting);
  say("{\"return\": {}}\r\n");
  Outcome<Qmp> qmp = Qmp::open(std::move(ours_), kPatience);
  ASSERT_TRUE(qmp);
  say("[]\n{\"event\": 1}\n{\"event\": \"A\", \"data\": 3}\n{\"error\": 5}\nnonsense\n"
      "{\"event\": \"B\", \"data\": {\"reason\": []}}\n");
  EXPECT_THAT(*qmp->receive(), ElementsAre(QmpEvent{"A", ""}, QmpEvent{"B", ""}));
}

}  // namespace
}  // namespace nineroot::vm
