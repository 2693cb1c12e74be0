#include "vm/agent_switchboard.h"

#include <vector>

#include <gtest/gtest.h>

namespace nineroot::vm {
namespace {

using agent::Letter;
using agent::Message;
using agent::Stream;

// A switchboard with the guest's end and clients' ends as buffers.
class SwitchboardTest : public testing::Test {
 protected:
  static std::string bytes_of(std::uint32_t command, const Message& message) {
    std::string bytes;
    agent::append_frame(bytes, agent::encode({command, message}));
    return bytes;
  }

  static std::vector<Letter> take_all(agent::FrameReader& reader, std::string& bytes) {
    reader.feed(bytes);
    bytes.clear();
    std::vector<Letter> letters;
    while (const std::optional<std::string> frame = reader.next()) {
      letters.push_back(agent::decode(*frame).value());
    }
    return letters;
  }

  std::vector<Letter> at_the_guest() { return take_all(guest_, board_.to_agent()); }

  static std::vector<Letter> at(AgentClient& client) {
    agent::FrameReader reader;
    return take_all(reader, client.outgoing);
  }

  void from_guest(std::uint32_t command, const Message& message) {
    board_.feed_from_agent(bytes_of(command, message));
  }

  void from(AgentClient& client, const Message& message) {
    board_.feed_from_client(client, bytes_of(0, message));
  }

  // Answers the hello that waits.
  void connect() {
    const std::vector<Letter> letters = at_the_guest();
    ASSERT_FALSE(letters.empty());
    from_guest(0, std::get<agent::Hello>(letters.back().message));
    ASSERT_TRUE(board_.is_connected());
  }

  AgentClient& client_with_command() {
    AgentClient& client = board_.clients().emplace_back();
    from(client, agent::Execute{.argv = {"x"}, .environment = {}, .directory = "", .user = ""});
    EXPECT_EQ(at_the_guest().size(), 1U);
    return client;
  }

  static void expect_refused(AgentClient& client) {
    const std::vector<Letter> letters = at(client);
    ASSERT_FALSE(letters.empty());
    EXPECT_TRUE(std::holds_alternative<agent::Refused>(letters.back().message));
    EXPECT_TRUE(client.is_done);
  }

  AgentSwitchboard board_;
  agent::FrameReader guest_;
};

TEST_F(SwitchboardTest, ConnectsByItsOwnSessionOnly) {
  const std::vector<Letter> letters = at_the_guest();
  ASSERT_EQ(letters.size(), 1U);
  agent::Hello hello = std::get<agent::Hello>(letters[0].message);
  EXPECT_NE(hello.session, 0U);
  hello.session += 1;
  from_guest(0, hello);
  EXPECT_FALSE(board_.is_connected());
  hello.session -= 1;
  from_guest(0, hello);
  EXPECT_TRUE(board_.is_connected());
}

TEST_F(SwitchboardTest, DoesNotConnectToAnotherVersion) {
  agent::Hello hello = std::get<agent::Hello>(at_the_guest()[0].message);
  hello.version += 1;
  from_guest(0, hello);
  EXPECT_FALSE(board_.is_connected());
}

TEST_F(SwitchboardTest, KeepsTheClientsApart) {
  connect();
  AgentClient& one = client_with_command();
  AgentClient& two = client_with_command();
  EXPECT_NE(one.command, two.command);
  from_guest(one.command, agent::Output{.stream = Stream::output, .bytes = "for one"});
  from_guest(two.command, agent::Exited{.status = 3, .signal = 0});
  EXPECT_EQ(std::get<agent::Output>(at(one).at(0).message).bytes, "for one");
  EXPECT_EQ(std::get<agent::Exited>(at(two).at(0).message).status, 3);
  EXPECT_TRUE(two.is_done);
  EXPECT_FALSE(one.is_done);
}

TEST_F(SwitchboardTest, CutsOffAGuestThatSendsMoreThanItsWindow) {
  connect();
  AgentClient& client = client_with_command();
  const agent::Output piece{.stream = Stream::error, .bytes = std::string(agent::kMaxData, 'x')};
  for (std::size_t sent = 0; sent < agent::kWindow; sent += agent::kMaxData) {
    from_guest(client.command, piece);
  }
  EXPECT_FALSE(client.is_done);
  from_guest(client.command, agent::Output{.stream = Stream::error, .bytes = "x"});
  expect_refused(client);
  const std::vector<Letter> told = at_the_guest();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_TRUE(std::holds_alternative<agent::Abandon>(told[0].message));
}

TEST_F(SwitchboardTest, LetsAGuestSendAsMuchAsTheClientGrants) {
  connect();
  AgentClient& client = client_with_command();
  const agent::Output piece{.stream = Stream::output, .bytes = std::string(agent::kMaxData, 'x')};
  for (int i = 0; i < 100; ++i) {
    from_guest(client.command, piece);
    from(client, agent::Credit{.stream = Stream::output, .bytes = agent::kMaxData});
  }
  EXPECT_FALSE(client.is_done);
}

TEST_F(SwitchboardTest, CutsOffAGuestThatGivesCreditForNothing) {
  connect();
  AgentClient& client = client_with_command();
  from(client, agent::Input{"12345"});
  from_guest(client.command, agent::Credit{.stream = Stream::input, .bytes = 5});
  EXPECT_FALSE(client.is_done);
  from_guest(client.command, agent::Credit{.stream = Stream::input, .bytes = 1});
  expect_refused(client);
}

TEST_F(SwitchboardTest, CutsOffAGuestThatAnswersWithWhatIsTheHosts) {
  for (const Message& message :
       {Message(agent::Input{"x"}), Message(agent::Signal{9}), Message(agent::EndOfInput{}),
        Message(agent::Output{.stream = Stream::output, .bytes = ""}),
        Message(agent::Credit{.stream = Stream::output, .bytes = 1}),
        Message(agent::Credit{.stream = Stream::input, .bytes = 0})}) {
    AgentSwitchboard& board = board_;
    if (!board.is_connected()) {
      connect();
    }
    AgentClient& client = client_with_command();
    from_guest(client.command, message);
    expect_refused(client);
    at_the_guest();
  }
}

TEST_F(SwitchboardTest, IgnoresAGuestThatSpeaksOfNoCommand) {
  connect();
  AgentClient& idle = board_.clients().emplace_back();
  for (const std::uint32_t number : {0U, 1U, 4000U}) {
    from_guest(number, agent::Exited{});
    from_guest(number, agent::Output{.stream = Stream::output, .bytes = "x"});
  }
  EXPECT_TRUE(at(idle).empty());
}

TEST_F(SwitchboardTest, RefusesAClientThatBreaksItsWindow) {
  connect();
  AgentClient& client = client_with_command();
  for (std::size_t sent = 0; sent <= agent::kWindow; sent += agent::kMaxData) {
    from(client, agent::Input{std::string(agent::kMaxData, 'x')});
  }
  expect_refused(client);
}

TEST_F(SwitchboardTest, RefusesASecondCommandOnOneConnection) {
  connect();
  AgentClient& client = client_with_command();
  from(client, agent::Execute{.argv = {"y"}, .environment = {}, .directory = "", .user = ""});
  expect_refused(client);
}

TEST_F(SwitchboardTest, EndsAllWhenTheAgentStartsAnew) {
  connect();
  AgentClient& client = client_with_command();
  from_guest(0, agent::Hello{.version = agent::kProtocolVersion, .session = 0, .boot_id = "new"});
  expect_refused(client);
  EXPECT_FALSE(board_.is_connected());
  connect();
}

TEST_F(SwitchboardTest, RefusesCommandsWithoutAnAgent) {
  AgentClient& client = board_.clients().emplace_back();
  from(client, agent::Execute{.argv = {"x"}, .environment = {}, .directory = "", .user = ""});
  expect_refused(client);
}

}  // namespace
}  // namespace nineroot::vm
