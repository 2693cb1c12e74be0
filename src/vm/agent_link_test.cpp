#include "vm/agent_link.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <thread>

#include <gtest/gtest.h>

#include "agent/server.h"
#include "storage/scratch_directory.h"
#include "vm/unix_socket.h"

namespace nineroot::vm {
namespace {

// The guest is this host: commands run here.
class Booted : public agent::Surroundings {
 public:
  std::string boot_id() override { return "this-boot"; }

  bool has_booted() override { return true; }

  void power_off() override { _exit(99); }

  // One line for each task.
  int refresh() override {
    char byte = 0;
    while (::read(STDIN_FILENO, &byte, 1) == 1) {
      if (byte == '\0') {
        [[maybe_unused]] const ssize_t ignored = ::write(STDOUT_FILENO, "ok\n", 3);
      }
    }
    return 0;
  }
};

int end_of(pid_t process) {
  int status = 0;
  EXPECT_EQ(::waitpid(process, &status, 0), process);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string read_to_the_end(int fd) {
  std::string text;
  std::array<char, 65536> piece{};
  for (ssize_t got = 0; (got = ::read(fd, piece.data(), piece.size())) > 0;) {
    text.append(piece.data(), static_cast<std::size_t>(got));
  }
  return text;
}

// One exec_in_guest() in a process of its own, with pipes for its streams.
struct Client {
  pid_t pid = -1;
  UniqueFd input;
  UniqueFd output;
  UniqueFd error;
};

class AgentLinkTest : public testing::Test {
 protected:
  AgentLinkTest() {
    // QEMU's part: it listens and carries bytes to and from the guest.
    Result<UniqueFd> listener = listen_unix(port_path());
    EXPECT_TRUE(listener);
    Outcome<std::unique_ptr<AgentLink>> link = AgentLink::start(port_path(), control_path());
    EXPECT_TRUE(link) << link.error().text();
    link_ = std::move(*link);
    port_.reset(::accept4(listener->get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    EXPECT_TRUE(port_.is_open());
  }

  ~AgentLinkTest() override { stop_agent(); }

  [[nodiscard]] std::filesystem::path port_path() const { return scratch_.path() / "port"; }

  [[nodiscard]] std::filesystem::path control_path() const { return scratch_.path() / "control"; }

  void start_agent() {
    agent_ = ::fork();
    if (agent_ == 0) {
      ::signal(SIGPIPE, SIG_IGN);
      Booted surroundings;
      agent::Server(surroundings).serve(port_.get());
      _exit(0);
    }
  }

  void stop_agent() {
    if (agent_ > 0) {
      ::kill(agent_, SIGKILL);
      end_of(agent_);
      agent_ = -1;
    }
  }

  void wait_until_connected(bool is_connected) {
    while (link_->is_connected() != is_connected) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }

  Client start_client(const std::string& script, std::chrono::seconds patience,
                      bool wants_tty = false) {
    Client client;
    std::array<std::array<int, 2>, 3> pipes{};
    for (std::array<int, 2>& ends : pipes) {
      EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    }
    client.pid = ::fork();
    if (client.pid == 0) {
      ::dup2(pipes[0][0], STDIN_FILENO);
      ::dup2(pipes[1][1], STDOUT_FILENO);
      ::dup2(pipes[2][1], STDERR_FILENO);
      for (const std::array<int, 2>& ends : pipes) {
        ::close(ends[0]);
        ::close(ends[1]);
      }
      port_.reset();
      ExecRequest request;
      request.argv = {"sh", "-c", script};
      request.wants_tty = wants_tty;
      const Outcome<int> status = exec_in_guest(control_path(), request, patience);
      if (!status) {
        const std::string text = status.error().text();
        [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, text.data(), text.size());
      }
      _exit(status ? *status : 200);
    }
    client.input.reset(pipes[0][1]);
    ::close(pipes[0][0]);
    client.output.reset(pipes[1][0]);
    ::close(pipes[1][1]);
    client.error.reset(pipes[2][0]);
    ::close(pipes[2][1]);
    return client;
  }

  Client start_client(const std::string& script) {
    return start_client(script, std::chrono::seconds(60));
  }

  storage::ScratchDirectory scratch_;
  std::unique_ptr<AgentLink> link_;
  UniqueFd port_;
  pid_t agent_ = -1;
};

TEST_F(AgentLinkTest, CarriesOutputErrorAndStatus) {
  start_agent();
  Client client = start_client("echo out; echo err >&2; exit 7");
  EXPECT_EQ(read_to_the_end(client.output.get()), "out\n");
  EXPECT_EQ(read_to_the_end(client.error.get()), "err\n");
  EXPECT_EQ(end_of(client.pid), 7);
}

TEST_F(AgentLinkTest, TellsASignalAsAShellDoes) {
  start_agent();
  EXPECT_EQ(end_of(start_client("kill -9 $$").pid), 128 + SIGKILL);
}

TEST_F(AgentLinkTest, CarriesMuchBothWays) {
  start_agent();
  Client client = start_client("cat");
  const std::string sent(3'000'000, 'x');
  std::thread writer([&client, &sent] {
    std::string_view rest = sent;
    while (!rest.empty()) {
      const ssize_t written = ::write(client.input.get(), rest.data(), rest.size());
      ASSERT_GT(written, 0);
      rest.remove_prefix(static_cast<std::size_t>(written));
    }
    client.input.reset();
  });
  const std::string received = read_to_the_end(client.output.get());
  writer.join();
  EXPECT_EQ(received.size(), sent.size());
  EXPECT_EQ(received, sent);
  EXPECT_EQ(end_of(client.pid), 0);
}

TEST_F(AgentLinkTest, GivesATerminalWhoseInputEndsWithOurs) {
  start_agent();
  Client client = start_client("tty -s && cat", std::chrono::seconds(60), true);
  ASSERT_EQ(::write(client.input.get(), "half", 4), 4);
  client.input.reset();
  EXPECT_NE(read_to_the_end(client.output.get()).find("halfhalf"), std::string::npos);
  EXPECT_EQ(end_of(client.pid), 0);
}

TEST_F(AgentLinkTest, ServesOthersBesideAClientThatDoesNotRead) {
  start_agent();
  const Client stuck = start_client("yes");
  char first = 0;
  ASSERT_EQ(::read(stuck.output.get(), &first, 1), 1);
  Client other = start_client("echo fine");
  EXPECT_EQ(read_to_the_end(other.output.get()), "fine\n");
  EXPECT_EQ(end_of(other.pid), 0);
  ::kill(stuck.pid, SIGKILL);
  end_of(stuck.pid);
}

TEST_F(AgentLinkTest, EndsTheCommandOfAClientThatIsKilled) {
  start_agent();
  const Client client = start_client("echo $$; exec sleep 1000");
  std::array<char, 16> text{};
  ASSERT_GT(::read(client.output.get(), text.data(), text.size() - 1), 0);
  const pid_t command = std::atoi(text.data());
  EXPECT_EQ(::kill(command, 0), 0);
  ::kill(client.pid, SIGKILL);
  end_of(client.pid);
  while (::kill(command, 0) == 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

TEST_F(AgentLinkTest, PassesSignalsOn) {
  start_agent();
  const Client client = start_client(
      "trap 'echo got it; exit 5' TERM; echo ready; "
      "while :; do sleep 0.05; done");
  std::array<char, 6> ready{};
  ASSERT_GT(::read(client.output.get(), ready.data(), ready.size()), 0);
  ::kill(client.pid, SIGTERM);
  EXPECT_EQ(read_to_the_end(client.output.get()), "got it\n");
  EXPECT_EQ(end_of(client.pid), 5);
}

TEST_F(AgentLinkTest, LetsACommandFeelThatItsReaderIsGone) {
  start_agent();
  Client client = start_client("yes");
  client.output.reset();
  EXPECT_EQ(end_of(client.pid), 128 + SIGPIPE);
}

TEST_F(AgentLinkTest, EndsCommandsWhenTheGuestReboots) {
  start_agent();
  const Client client = start_client("echo ready; sleep 1000");
  char first = 0;
  ASSERT_EQ(::read(client.output.get(), &first, 1), 1);
  stop_agent();
  start_agent();
  EXPECT_NE(read_to_the_end(client.error.get()).find("the guest has rebooted"), std::string::npos);
  EXPECT_EQ(end_of(client.pid), 200);
  const Client next = start_client("echo again");
  EXPECT_EQ(read_to_the_end(next.output.get()), "again\n");
  EXPECT_EQ(end_of(next.pid), 0);
}

TEST_F(AgentLinkTest, EndsCommandsWhenTheMachineEnds) {
  start_agent();
  const Client client = start_client("echo ready; sleep 1000");
  char first = 0;
  ASSERT_EQ(::read(client.output.get(), &first, 1), 1);
  stop_agent();
  port_.reset();
  EXPECT_NE(read_to_the_end(client.error.get()).find("the machine has ended"), std::string::npos);
  EXPECT_EQ(end_of(client.pid), 200);
  wait_until_connected(false);
}

TEST_F(AgentLinkTest, GivesUpWaitingForAnAgentThatNeverComes) {
  const Client client = start_client("true", std::chrono::seconds(1));
  EXPECT_NE(read_to_the_end(client.error.get()).find("has not answered within 1 s"),
            std::string::npos);
  EXPECT_EQ(end_of(client.pid), 200);
}

TEST_F(AgentLinkTest, WaitsForAnAgentThatComesLate) {
  const Client client = start_client("echo late");
  start_agent();
  EXPECT_EQ(read_to_the_end(client.output.get()), "late\n");
  EXPECT_EQ(end_of(client.pid), 0);
}

TEST_F(AgentLinkTest, PowersOffThroughTheControlSocket) {
  EXPECT_FALSE(link_->power_off());
  EXPECT_FALSE(power_off_guest(control_path()));
  start_agent();
  wait_until_connected(true);
  EXPECT_TRUE(power_off_guest(control_path()));
  EXPECT_EQ(end_of(agent_), 99);
  agent_ = -1;
}

TEST_F(AgentLinkTest, HasAControlSocketForThisUserAlone) {
  struct stat status{};
  ASSERT_EQ(::stat(control_path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  link_.reset();
  EXPECT_NE(::stat(control_path().c_str(), &status), 0);
}

TEST_F(AgentLinkTest, SurvivesAGuestThatTalksNonsense) {
  std::string noise;
  unsigned state = 1;
  for (int i = 0; i < 300'000; ++i) {
    state = state * 1103515245 + 12345;
    noise.push_back(static_cast<char>(state >> 16U));
  }
  for (std::string_view rest = noise; !rest.empty();) {
    const ssize_t sent = ::send(port_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      rest.remove_prefix(static_cast<std::size_t>(sent));
    } else {
      std::this_thread::yield();
    }
  }
  start_agent();
  const Client client = start_client("echo fine");
  EXPECT_EQ(read_to_the_end(client.output.get()), "fine\n");
  EXPECT_EQ(end_of(client.pid), 0);
}

}  // namespace
}  // namespace nineroot::vm
