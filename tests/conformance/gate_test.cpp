// A closed gate: nothing changes by way of the server, and all goes on afterwards.
#include "session/gate.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <latch>
#include <optional>
#include <thread>

#include <gtest/gtest.h>

#include "tests/support/served_tree.h"

namespace nineroot::test {
namespace {

using namespace std::chrono_literals;
namespace fs_std = std::filesystem;

constexpr auto kPatience = 60s;

/// Writes the same number to the file "first" and then to "second", again and again.
class Writer {
 public:
  explicit Writer(Client9p& client) : client_(client) {
    for (const auto& [fid, name] : {std::pair{1U, "first"}, std::pair{2U, "second"}}) {
      EXPECT_TRUE(client_.create(0, fid, name, O_RDWR, 0600, 0));
      EXPECT_TRUE(client_.write(fid, 0, text_of(0)));
    }
  }

  void start() {
    thread_ = std::jthread([this](const std::stop_token& stop) {
      for (unsigned number = 1; !stop.stop_requested(); ++number) {
        EXPECT_TRUE(client_.write(1, 0, text_of(number)));
        EXPECT_TRUE(client_.write(2, 0, text_of(number)));
        written_ = number;
      }
    });
  }

  [[nodiscard]] unsigned written() const { return written_; }

  void wait_for_more() const {
    for (const unsigned before = written_; written_ < before + 2;) {
      std::this_thread::yield();
    }
  }

 private:
  static std::string text_of(unsigned number) {
    std::string text = std::to_string(number);
    return std::string(10 - text.size(), '0') + text;
  }

  Client9p& client_;
  std::atomic<unsigned> written_ = 0;
  std::jthread thread_;
};

unsigned number_in(const fs_std::path& path) {
  return static_cast<unsigned>(std::stoul(read_host_file(path)));
}

class GateTest : public testing::TestWithParam<Carrier> {};

TEST_P(GateTest, KeepsTheTreeStillAndInOrder) {
  ServedTree served({.carrier = GetParam()});
  Writer writer(served.client());
  writer.start();
  for (int round = 0; round < 100; ++round) {
    ASSERT_TRUE(served.gate().close(kPatience));
    const unsigned first = number_in(served.path() / "first");
    const unsigned second = number_in(served.path() / "second");
    EXPECT_TRUE(first == second || first == second + 1) << first << " " << second;
    for (int look = 0; look < 20; ++look) {
      EXPECT_EQ(number_in(served.path() / "second"), second);
      EXPECT_EQ(number_in(served.path() / "first"), first);
    }
    served.gate().open();
    ASSERT_NO_FATAL_FAILURE(writer.wait_for_more());
  }
}

INSTANTIATE_TEST_SUITE_P(Carriers, GateTest,
                         testing::Values(Carrier::unix_socket, Carrier::tcp, Carrier::inherited_fd,
                                         Carrier::vhost_user),
                         [](const auto& instance) { return name_of(instance.param); });

TEST(Gate, HoldsUpWhoComesWhileItIsClosed) {
  ServedTree served({.carrier = Carrier::unix_socket});
  ASSERT_TRUE(served.gate().close(kPatience));
  const auto channel = served.connect();
  auto answered = std::async(std::launch::async, [&channel] {
    Client9p client(*channel);
    return client.version().has_value() && client.attach(0, 0).has_value();
  });
  EXPECT_EQ(answered.wait_for(20ms), std::future_status::timeout);
  served.gate().open();
  EXPECT_TRUE(answered.get());
}

TEST(Gate, WaitsForWhatIsWithADisk) {
  WorkerPool pool(1);
  session::Gate gate(pool);
  std::latch release(1);
  pool.submit([&release] { release.wait(); });
  EXPECT_FALSE(gate.close(20ms));
  EXPECT_FALSE(gate.is_closed());
  release.count_down();
  EXPECT_TRUE(gate.close(kPatience));
  EXPECT_TRUE(gate.is_closed());
}

TEST(Gate, DoesNotWaitForASessionThatHangsForEver) {
  WorkerPool pool(1);
  session::Gate gate(pool);
  auto mailbox = std::make_shared<Mailbox>();
  const auto seat = gate.join(mailbox);
  EXPECT_FALSE(gate.close(20ms));
  EXPECT_FALSE(gate.is_closed());
}

TEST(Gate, DoesNotWaitForASessionThatGoes) {
  WorkerPool pool(1);
  session::Gate gate(pool);
  auto mailbox = std::make_shared<Mailbox>();
  std::optional<session::Gate::Seat> seat(gate.join(mailbox));
  auto closed = std::async(std::launch::async, [&gate] { return gate.close(kPatience); });
  pollfd letter{.fd = mailbox->fd(), .events = POLLIN, .revents = 0};
  ASSERT_EQ(::poll(&letter, 1, -1), 1);
  seat.reset();
  mailbox.reset();
  EXPECT_TRUE(closed.get());
}

}  // namespace
}  // namespace nineroot::test
