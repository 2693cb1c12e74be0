#include "agent/server.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <new>

#include <gtest/gtest.h>

namespace nineroot::agent {
namespace {

// Shared with the process that is the agent.
struct Switches {
  std::atomic<bool> has_booted = false;
  std::atomic<int> times_powered_off = 0;
};

class Surroundings : public agent::Surroundings {
 public:
  explicit Surroundings(Switches& switches) : switches_(switches) {}

  std::string boot_id() override { return "this-boot"; }

  bool has_booted() override { return switches_.has_booted; }

  void power_off() override { ++switches_.times_powered_off; }

  // Shouts back what it is told, and tells how many descriptors it has.
  int refresh() override {
    std::array<char, 4096> text{};
    ssize_t got = 0;
    while ((got = read(STDIN_FILENO, text.data(), text.size())) > 0) {
      std::transform(text.begin(), text.begin() + got, text.begin(), ::toupper);
      [[maybe_unused]] const ssize_t ignored =
          write(STDOUT_FILENO, text.data(), static_cast<std::size_t>(got));
    }
    return fcntl(STDERR_FILENO + 1, F_GETFD) < 0 ? 5 : 6;
  }

 private:
  Switches& switches_;
};

// What the host has received of one command.
struct Received {
  std::string output;
  std::string error;
  std::uint32_t input_credit = 0;
  std::optional<Exited> exited;
  std::optional<std::string> refused;
};

// The agent runs in a process of its own on one end of a socket pair; the test is the host on the
// other.
class ServerTest : public testing::Test {
 protected:
  ServerTest() {
    void* memory =
        mmap(nullptr, sizeof(Switches), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    switches_ = new (memory) Switches;
    std::array<int, 2> ends{};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    link_.reset(ends[0]);
    agent_ = fork();
    if (agent_ == 0) {
      link_.reset();
      signal(SIGPIPE, SIG_IGN);
      fcntl(ends[1], F_SETFL, O_NONBLOCK);
      Surroundings surroundings(*switches_);
      Server server(surroundings);
      server.serve(ends[1]);
      _exit(0);
    }
    close(ends[1]);
  }

  ~ServerTest() override {
    hang_up();
    munmap(switches_, sizeof(Switches));
  }

  void hang_up() {
    link_.reset();
    if (agent_ > 0) {
      int status = 0;
      EXPECT_EQ(waitpid(agent_, &status, 0), agent_);
      EXPECT_EQ(status, 0);
      agent_ = -1;
    }
  }

  void send_bytes(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(link_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      ASSERT_GT(sent, 0);
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }

  void send(std::uint32_t command, const Message& message) {
    std::string bytes;
    append_frame(bytes, encode({command, message}));
    send_bytes(bytes);
  }

  Letter receive() {
    for (;;) {
      if (const std::optional<std::string> frame = reader_.next()) {
        std::optional<Letter> letter = decode(*frame);
        EXPECT_TRUE(letter);
        return letter.value_or(Letter());
      }
      std::array<char, 65536> piece{};
      const ssize_t got = read(link_.get(), piece.data(), piece.size());
      if (got <= 0) {
        ADD_FAILURE() << "the agent has hung up";
        return {0, Refused{"the agent has hung up"}};
      }
      reader_.feed(std::string_view(piece.data(), static_cast<std::size_t>(got)));
    }
  }

  // Sorts one letter into what was received of its command; answers output with credit for more.
  void sort(Letter letter) {
    Received& received = received_[letter.command];
    if (Output* output = std::get_if<Output>(&letter.message)) {
      (output->stream == Stream::output ? received.output : received.error) += output->bytes;
      const auto size = static_cast<std::uint32_t>(output->bytes.size());
      if (gives_credit_) {
        send(letter.command, Credit{.stream = output->stream, .bytes = size});
      }
    } else if (const Credit* credit = std::get_if<Credit>(&letter.message)) {
      received.input_credit += credit->bytes;
    } else if (const Exited* exited = std::get_if<Exited>(&letter.message)) {
      received.exited = *exited;
    } else if (const Refused* refused = std::get_if<Refused>(&letter.message)) {
      received.refused = refused->reason;
    }
  }

  void begin_session(std::uint64_t session = 1) {
    send(0, Hello{.version = kProtocolVersion, .session = session, .boot_id = ""});
    for (;;) {
      const Letter letter = receive();
      const Hello* hello = std::get_if<Hello>(&letter.message);
      if (hello == nullptr || hello->session == session) {
        return;
      }
    }
  }

  const Received& result_of(std::uint32_t command) {
    Received& received = received_[command];
    while (!received.exited && !received.refused && !HasFailure()) {
      sort(receive());
    }
    return received;
  }

  void start(std::uint32_t command, const std::string& script) {
    send(command,
         Execute{.argv = {"sh", "-c", script}, .environment = {}, .directory = "/", .user = ""});
  }

  const Received& run(const std::string& script) {
    begin_session();
    start(1, script);
    return result_of(1);
  }

  Switches* switches_ = nullptr;
  UniqueFd link_;
  pid_t agent_ = -1;
  FrameReader reader_;
  std::map<std::uint32_t, Received> received_;
  bool gives_credit_ = true;
};

TEST_F(ServerTest, SaysHelloUnaskedAndWithTheSessionThatIsAskedFor) {
  const Letter first = receive();
  EXPECT_EQ(std::get<Hello>(first.message).session, 0U);
  EXPECT_EQ(std::get<Hello>(first.message).version, kProtocolVersion);
  EXPECT_EQ(std::get<Hello>(first.message).boot_id, "this-boot");
  send(0, Hello{.version = kProtocolVersion, .session = 42, .boot_id = ""});
  EXPECT_EQ(std::get<Hello>(receive().message).session, 42U);
}

TEST_F(ServerTest, TellsOutputErrorAndStatus) {
  const Received& received = run("echo out; echo err >&2; exit 7");
  EXPECT_EQ(received.output, "out\n");
  EXPECT_EQ(received.error, "err\n");
  EXPECT_EQ(received.exited->status, 7);
  EXPECT_EQ(received.exited->signal, 0);
}

TEST_F(ServerTest, TellsTheSignalThatKilled) {
  EXPECT_EQ(run("kill -9 $$").exited->signal, SIGKILL);
}

TEST_F(ServerTest, SaysThatAProgramIsNotThere) {
  begin_session();
  send(1, Execute{.argv = {"no-such-program"}, .environment = {}, .directory = "/", .user = ""});
  EXPECT_EQ(result_of(1).exited->status, 127);
  EXPECT_EQ(result_of(1).error,
            "nineroot: cannot run no-such-program: No such file or directory\n");
  send(2, Execute{.argv = {"/etc/passwd"}, .environment = {}, .directory = "/", .user = ""});
  EXPECT_EQ(result_of(2).exited->status, 126);
}

TEST_F(ServerTest, RefusesNoCommandAndAnUnknownUser) {
  begin_session();
  send(1, Execute{});
  EXPECT_TRUE(result_of(1).refused);
  send(2, Execute{.argv = {"true"}, .environment = {}, .directory = "/", .user = "nobody-of-that"});
  EXPECT_EQ(result_of(2).exited->status, 126);
  EXPECT_EQ(result_of(2).error, "nineroot: there is no user nobody-of-that in the guest\n");
}

TEST_F(ServerTest, GivesTheCommandItsDirectoryAndEnvironment) {
  begin_session();
  send(1, Execute{.argv = {"sh", "-c", "pwd; echo $GREETING"},
                  .environment = {"GREETING=hello"},
                  .directory = "/usr",
                  .user = ""});
  EXPECT_EQ(result_of(1).output, "/usr\nhello\n");
  send(2, Execute{.argv = {"pwd"}, .environment = {}, .directory = "/not/there", .user = ""});
  EXPECT_EQ(result_of(2).output, "/\n");
}

TEST_F(ServerTest, CarriesInputThroughACommand) {
  begin_session();
  start(1, "cat");
  std::string sent;
  Received& received = received_[1];
  std::uint32_t spent = 0;
  for (int i = 0; i < 100; ++i) {
    const std::string piece(kMaxData, static_cast<char>('a' + i % 26));
    while (spent + piece.size() > received.input_credit + kWindow) {
      sort(receive());
    }
    send(1, Input{piece});
    spent += static_cast<std::uint32_t>(piece.size());
    sent += piece;
  }
  send(1, EndOfInput{});
  EXPECT_EQ(result_of(1).exited->status, 0);
  EXPECT_EQ(received.output.size(), sent.size());
  EXPECT_EQ(received.output, sent);
}

TEST_F(ServerTest, TakesInputThatNobodyReads) {
  begin_session();
  start(1, "exec <&-; echo closed; sleep 1000");
  while (received_[1].output.empty()) {
    sort(receive());
  }
  for (std::uint32_t i = 1; i <= 10; ++i) {
    send(1, Input{std::string(kMaxData, 'x')});
    while (received_[1].input_credit < i * kMaxData) {
      sort(receive());
    }
  }
  send(1, Signal{SIGTERM});
  EXPECT_EQ(result_of(1).exited->signal, SIGTERM);
}

TEST_F(ServerTest, RunsTheRefresherAsACommandWithoutDescriptorsOfOthers) {
  begin_session();
  start(1, "echo ready; cat");
  while (received_[1].output.empty()) {
    sort(receive());
  }
  send(2, Refresh{});
  send(2, Input{"a task"});
  while (received_[2].output.empty()) {
    sort(receive());
  }
  EXPECT_EQ(received_[2].output, "A TASK");
  send(1, EndOfInput{});
  EXPECT_EQ(result_of(1).exited->status, 0);
  send(2, EndOfInput{});
  EXPECT_EQ(result_of(2).exited->status, 5);
}

TEST_F(ServerTest, HoldsBackTheOutputOfAReaderThatGivesNoCredit) {
  begin_session();
  gives_credit_ = false;
  start(1, "yes");
  while (received_[1].output.size() < kWindow) {
    sort(receive());
  }
  // The stuck one keeps nobody from working, and sends nothing more itself.
  start(2, "echo fine");
  EXPECT_EQ(result_of(2).output, "fine\n");
  EXPECT_EQ(received_[1].output.size(), kWindow);
  send(1, Credit{.stream = Stream::output, .bytes = 100});
  while (received_[1].output.size() < kWindow + 100) {
    sort(receive());
  }
  start(3, "echo fine");
  EXPECT_EQ(result_of(3).output, "fine\n");
  EXPECT_EQ(received_[1].output.size(), kWindow + 100);
}

TEST_F(ServerTest, KeepsErrorsFlowingBesideStuckOutput) {
  begin_session();
  gives_credit_ = false;
  start(1, "yes & sleep 0.1; echo err >&2; wait");
  while (received_[1].error != "err\n") {
    sort(receive());
  }
}

TEST_F(ServerTest, LosesNothingThatWasWrittenBeforeTheEnd) {
  const Received& received = run("head -c 1000000 /dev/zero; echo end");
  EXPECT_EQ(received.output.size(), 1'000'004U);
  EXPECT_TRUE(received.output.ends_with("end\n"));
}

TEST_F(ServerTest, DoesNotWaitForWhatACommandLeavesBehind) {
  const Received& received = run("sleep 1000 & echo $!");
  EXPECT_EQ(received.exited->status, 0);
  kill(std::stoi(received.output), SIGKILL);
}

TEST_F(ServerTest, RunsManyAtOnceAndRefusesTooMany) {
  begin_session();
  for (std::uint32_t i = 1; i <= kMaxCommands; ++i) {
    start(i, "read line; echo got $line; exit " + std::to_string(i));
  }
  start(1000, "echo too many");
  EXPECT_TRUE(result_of(1000).refused);
  for (std::uint32_t i = kMaxCommands; i >= 1; --i) {
    send(i, Input{std::to_string(i) + "\n"});
    EXPECT_EQ(result_of(i).exited->status, i);
    EXPECT_EQ(received_[i].output, "got " + std::to_string(i) + "\n");
  }
}

TEST_F(ServerTest, RefusesANumberThatIsTaken) {
  begin_session();
  start(1, "sleep 1000");
  start(1, "echo second");
  EXPECT_TRUE(result_of(1).refused);
}

TEST_F(ServerTest, GivesATerminalThatKnowsItsSize) {
  begin_session();
  send(1, Execute{.argv = {"sh", "-c", "tty -s && stty size && read x && stty size"},
                  .environment = {},
                  .directory = "/",
                  .user = "",
                  .wants_tty = true,
                  .rows = 24,
                  .columns = 80});
  while (!received_[1].output.contains("24 80")) {
    sort(receive());
  }
  send(1, Resize{.rows = 50, .columns = 132});
  send(1, Input{"\n"});
  EXPECT_EQ(result_of(1).exited->status, 0);
  EXPECT_TRUE(received_[1].output.ends_with("50 132\r\n")) << received_[1].output;
}

TEST_F(ServerTest, EndsATerminalsInputAlsoWithinALine) {
  begin_session();
  std::uint32_t number = 0;
  for (const std::string text : {"", "line\n", "half a line"}) {
    ++number;
    send(number, Execute{.argv = {"sh", "-c", "cat; echo done"},
                         .environment = {},
                         .directory = "/",
                         .user = "",
                         .wants_tty = true});
    send(number, Input{text});
    send(number, EndOfInput{});
    EXPECT_EQ(result_of(number).exited->status, 0);
    EXPECT_TRUE(received_[number].output.ends_with("done\r\n"));
    EXPECT_EQ(received_[number].input_credit, text.size());
  }
}

TEST_F(ServerTest, HoldsACommandUntilTheGuestHasBooted) {
  begin_session();
  send(1, Execute{.argv = {"echo", "late"},
                  .environment = {},
                  .directory = "/",
                  .user = "",
                  .wants_tty = false,
                  .waits_for_boot = true});
  start(2, "echo at once");
  EXPECT_EQ(result_of(2).output, "at once\n");
  EXPECT_EQ(received_[1].output, "");
  switches_->has_booted = true;
  EXPECT_EQ(result_of(1).output, "late\n");
}

TEST_F(ServerTest, EndsACommandThatWaitsByItsSignal) {
  begin_session();
  send(1, Execute{.argv = {"echo", "late"},
                  .environment = {},
                  .directory = "/",
                  .user = "",
                  .wants_tty = false,
                  .waits_for_boot = true});
  send(1, Signal{SIGINT});
  EXPECT_EQ(result_of(1).exited->signal, SIGINT);
}

TEST_F(ServerTest, EndsAnAbandonedCommandThoughItIgnoresItsHangup) {
  begin_session();
  start(1, "trap '' HUP; echo ready; while :; do sleep 0.1; done");
  while (received_[1].output != "ready\n") {
    sort(receive());
  }
  send(1, Abandon{});
  EXPECT_EQ(result_of(1).exited->signal, SIGKILL);
}

TEST_F(ServerTest, EndsItsCommandsWhenTheHostIsGone) {
  begin_session();
  start(1, "echo $$; exec sleep 1000");
  while (!received_[1].output.ends_with("\n")) {
    sort(receive());
  }
  const pid_t command = std::stoi(received_[1].output);
  EXPECT_EQ(kill(command, 0), 0);
  hang_up();
  EXPECT_EQ(kill(command, 0), -1);
}

TEST_F(ServerTest, EndsItsCommandsWhenANewSessionBegins) {
  begin_session(1);
  start(1, "sleep 1000");
  begin_session(2);
  start(1, "echo new");
  EXPECT_EQ(result_of(1).output, "new\n");
}

TEST_F(ServerTest, DoesNothingWithoutASession) {
  start(1, "echo early");
  send(0, PowerOff{});
  begin_session();
  start(2, "echo fine");
  EXPECT_EQ(result_of(2).output, "fine\n");
  EXPECT_FALSE(received_.contains(1));
  EXPECT_EQ(switches_->times_powered_off, 0);
}

TEST_F(ServerTest, PowersOff) {
  begin_session();
  send(0, PowerOff{});
  start(1, "true");
  result_of(1);
  EXPECT_EQ(switches_->times_powered_off, 1);
}

TEST_F(ServerTest, AbandonsACommandWhoseWindowTheHostBreaks) {
  begin_session();
  start(1, "echo up; sleep 1000");
  while (received_[1].output.empty()) {  // Signals mean nothing to what has not begun.
    sort(receive());
  }
  for (std::size_t sent = 0; sent <= 3 * kWindow; sent += kMaxData) {
    send(1, Input{std::string(kMaxData, 'x')});
  }
  EXPECT_EQ(result_of(1).exited->signal, SIGHUP);
}

TEST_F(ServerTest, SurvivesNonsense) {
  begin_session();
  std::string noise;
  unsigned state = 1;
  for (int i = 0; i < 200'000; ++i) {
    state = state * 1103515245 + 12345;
    noise.push_back(static_cast<char>(state >> 16U));
  }
  send_bytes(noise);
  send_bytes(std::string(1, '\0'));
  send(9, Output{.stream = Stream::output, .bytes = "from the wrong side"});
  send(9, Exited{});
  send(9, Credit{.stream = Stream::input, .bytes = 5});
  send(9, Input{"for nobody"});
  start(1, "echo fine");
  EXPECT_EQ(result_of(1).output, "fine\n");
}

}  // namespace
}  // namespace nineroot::agent
