// Who may close the gate, and what becomes of it when they go.
#include "server/control.h"

#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <thread>

#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace nineroot::test {
namespace {

class Connection {
 public:
  explicit Connection(const std::string& path)
      : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    EXPECT_EQ(::connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }

  std::string ask(const std::string& line) const {
    send(line + "\n");
    std::string answer;
    char c = 0;
    while (::read(socket_.get(), &c, 1) == 1 && c != '\n') {
      answer += c;
    }
    return answer;
  }

  void send(const std::string& bytes) const {
    EXPECT_EQ(::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }

  /// Until the other side has closed it.
  void wait_for_end() const {
    char bytes[256];
    while (::read(socket_.get(), bytes, sizeof bytes) > 0) {
    }
  }

 private:
  UniqueFd socket_;
};

class ControlTest : public testing::Test {
 protected:
  ControlTest()
      : control_(std::move(server::Control::listen(path_).value())),
        thread_([this] { control_->run(gate_, stop_.get()); }) {}

  ~ControlTest() override {
    const std::uint64_t one = 1;
    EXPECT_EQ(::write(stop_.get(), &one, sizeof one), static_cast<ssize_t>(sizeof one));
  }

  void wait_until_open() const {
    while (gate_.is_closed()) {
      std::this_thread::yield();
    }
  }

  TempDir dir_;
  std::string path_ = (dir_.path() / "control").string();
  WorkerPool pool_{1};
  session::Gate gate_{pool_};
  UniqueFd stop_{::eventfd(0, EFD_CLOEXEC)};
  std::unique_ptr<server::Control> control_;
  std::jthread thread_;
};

TEST_F(ControlTest, ClosesAndOpens) {
  const Connection one(path_);
  EXPECT_EQ(one.ask("close 60000"), "closed");
  EXPECT_TRUE(gate_.is_closed());
  EXPECT_EQ(one.ask("open"), "opened");
  EXPECT_FALSE(gate_.is_closed());
  EXPECT_EQ(one.ask("open"), "error the gate is open");
}

TEST_F(ControlTest, BelongsToWhoClosedIt) {
  const Connection one(path_);
  const Connection two(path_);
  EXPECT_EQ(one.ask("close 60000"), "closed");
  EXPECT_EQ(two.ask("close 60000"), "error the gate is closed already");
  EXPECT_EQ(two.ask("open"), "error the gate was closed by another connection");
  EXPECT_EQ(two.ask("hold"), "error the gate was not closed by this connection");
  EXPECT_TRUE(gate_.is_closed());
}

TEST_F(ControlTest, OpensWhenItsCloserGoes) {
  {
    const Connection one(path_);
    EXPECT_EQ(one.ask("close 60000"), "closed");
  }
  wait_until_open();
}

TEST_F(ControlTest, StaysClosedForWhoHeldIt) {
  {
    const Connection one(path_);
    EXPECT_EQ(one.ask("close 60000"), "closed");
    EXPECT_EQ(one.ask("hold"), "held");
  }
  const Connection two(path_);
  EXPECT_EQ(two.ask("close 60000"), "error the gate is closed already");
  EXPECT_TRUE(gate_.is_closed());
  EXPECT_EQ(two.ask("open"), "opened");
  EXPECT_FALSE(gate_.is_closed());
}

TEST_F(ControlTest, RefusesOtherWords) {
  const Connection one(path_);
  for (const char* line : {"", "close", "close ", "close x", "close -1", "close 60001", "closed",
                           "close 1 2", "OPEN", "open ", "\xff\x01"}) {
    EXPECT_TRUE(one.ask(line).starts_with("error ")) << line;
  }
  EXPECT_FALSE(gate_.is_closed());
}

TEST_F(ControlTest, DropsWhoSendsLinesWithoutEnd) {
  const Connection one(path_);
  one.send(std::string(300, 'x'));
  one.wait_for_end();
  const Connection two(path_);
  EXPECT_EQ(two.ask("close 60000"), "closed");
}

}  // namespace
}  // namespace nineroot::test
