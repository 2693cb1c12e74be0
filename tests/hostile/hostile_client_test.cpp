// Clients that mean harm, against the real server in its sandbox: it neither stops, nor reaches
// outside the tree, nor grows without bound.
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <random>
#include <thread>

#include <gtest/gtest.h>

#include "tests/hostile/server_process.h"

namespace nineroot::test {
namespace {

/// Sanitizers multiply the memory of whatever they watch.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr long kSanitizerCost = 8;
#else
constexpr long kSanitizerCost = 1;
#endif

/// A session with fid 0 at the root.
struct Attached {
  explicit Attached(const ServerProcess& server) : channel(server.connect()), client(channel) {
    EXPECT_TRUE(client.version());
    EXPECT_TRUE(client.attach(0, 0));
  }

  SocketChannel channel;
  Client9p client;
};

long resident_kib(const ServerProcess& server) {
  return std::stol(server.status_field("VmRSS"));
}

void send_bytes(const UniqueFd& socket, std::span<const std::byte> bytes) {
  ASSERT_EQ(::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(bytes.size()));
}

/// True once the server has closed the connection.
bool is_closed(const UniqueFd& socket) {
  const timeval patience{.tv_sec = 20, .tv_usec = 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  std::byte byte{};
  while (::recv(socket.get(), &byte, 1, 0) == 1) {
  }
  return errno != EAGAIN;
}

TEST(HostileClient, SandboxIsInForce) {
  const ServerProcess server;
  EXPECT_EQ(server.status_field("NoNewPrivs"), "1");
  EXPECT_EQ(server.status_field("Seccomp"), "2");
}

TEST(HostileClient, ServerEndsCleanlyWhenAsked) {
  ServerProcess server;
  {
    Attached attached(server);
    ASSERT_TRUE(attached.client.create(0, 1, "f", O_RDWR, 0600, 0));
    ASSERT_TRUE(attached.client.write(1, 0, "kept"));
    EXPECT_EQ(server.stop(), 0);
  }
  EXPECT_EQ(read_host_file(server.tree() / "f"), "kept");
}

TEST(HostileClient, RandomBytesStopNothing) {
  const ServerProcess server;
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    const UniqueFd socket = server.connect();
    std::vector<std::byte> bytes(1 + random() % 300);
    for (std::byte& byte : bytes) {
      byte = static_cast<std::byte>(random());
    }
    if (round % 2 == 0) {  // A size that is believed.
      wire::Writer size_field(bytes);
      size_field(static_cast<std::uint32_t>(bytes.size()));
    }
    (void)::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  EXPECT_TRUE(server.is_alive());
  const Attached attached(server);
}

TEST(HostileClient, RandomMessagesStopNothing) {
  const ServerProcess server;
  write_host_file(server.tree() / "f", "content");
  std::mt19937 random(2);
  Attached attached(server);
  for (int round = 0; round < 20'000; ++round) {
    std::vector<std::byte> bytes(7 + random() % 60);
    for (std::byte& byte : bytes) {
      byte = static_cast<std::byte>(random() % 4 == 0 ? random() : random() % 4);
    }
    std::uint8_t type = static_cast<std::uint8_t>(8 + 2 * (random() % 58));
    if (type == static_cast<std::uint8_t>(wire::MsgType::Tversion)) {
      type = static_cast<std::uint8_t>(wire::MsgType::Twalk);
    }
    wire::Writer writer(bytes);
    writer(wire::Header{.size = static_cast<std::uint32_t>(bytes.size()), .type = type, .tag = 1});
    (void)attached.client.send_raw(bytes);
  }
  EXPECT_TRUE(server.is_alive());
  EXPECT_TRUE(attached.client.getattr(0) || attached.client.attach(0, 0));
}

TEST(HostileClient, ImpossibleSizesCloseTheirConnectionAlone) {
  const ServerProcess server;
  Attached good(server);
  for (const std::uint32_t size : {0U, 6U, (1U << 20U) + 1, 0x7fffffffU, 0xffffffffU}) {
    const UniqueFd socket = server.connect();
    std::byte bytes[7];
    wire::Writer writer(bytes);
    writer(wire::Header{.size = size, .type = 100, .tag = 1});
    send_bytes(socket, bytes);
    EXPECT_TRUE(is_closed(socket)) << size;
  }
  EXPECT_TRUE(good.client.getattr(0));
}

TEST(HostileClient, HalfMessagesAndSilenceHoldUpNobody) {
  const ServerProcess server;
  std::vector<UniqueFd> silent;
  for (int i = 0; i < 30; ++i) {
    silent.push_back(server.connect());
    const std::byte half[] = {std::byte{21}, std::byte{0}, std::byte{0}};
    send_bytes(silent.back(), half);
  }
  Attached good(server);
  EXPECT_TRUE(good.client.getattr(0));
}

TEST(HostileClient, ClientThatReadsNothingMakesNothingGrow) {
  const ServerProcess server;
  write_host_file(server.tree() / "big", std::string(1 << 20U, 'x'));
  Attached attached(server);
  ASSERT_TRUE(attached.client.version(1 << 20U));
  ASSERT_TRUE(attached.client.attach(0, 0));
  ASSERT_TRUE(attached.client.walk(0, 1, {"big"}));
  ASSERT_TRUE(attached.client.open(1, O_RDONLY));
  std::vector<std::byte> request(64);
  request.resize(wire::encode(1, wire::Tread{.fid = 1, .offset = 0, .count = 1 << 20U}, request));
  std::jthread greedy([&] {
    try {
      for (int i = 0; i < 2000; ++i) {
        attached.channel.send(request);
      }
    } catch (const std::runtime_error&) {
      // The socket was shut down below.
    }
  });
  std::this_thread::sleep_for(std::chrono::seconds(2));
  EXPECT_LT(resident_kib(server), 64 * 1024 * kSanitizerCost);
  Attached good(server);
  EXPECT_TRUE(good.client.getattr(0));
  ::kill(server.pid(), SIGTERM);
}

TEST(HostileClient, PipelinedLargeReadsAreAllAnswered) {
  const ServerProcess server;
  write_host_file(server.tree() / "big", std::string(500'000, 'x'));
  Attached attached(server);
  ASSERT_TRUE(attached.client.version(1 << 20U));
  ASSERT_TRUE(attached.client.attach(0, 0));
  ASSERT_TRUE(attached.client.walk(0, 1, {"big"}));
  ASSERT_TRUE(attached.client.open(1, O_RDONLY));
  constexpr std::uint16_t kReads = 64;
  std::vector<std::byte> requests;
  for (std::uint16_t tag = 1; tag <= kReads; ++tag) {
    std::byte one[64];
    const std::size_t size =
        wire::encode(tag, wire::Tread{.fid = 1, .offset = 0, .count = 500'000}, one);
    requests.insert(requests.end(), one, one + size);
  }
  attached.channel.send(requests);
  for (std::uint16_t i = 0; i < kReads; ++i) {
    EXPECT_EQ(attached.channel.receive().size(), 500'011U);
  }
}

TEST(HostileClient, SizesAreNotBelievedBeforeTheyAreChecked) {
  const ServerProcess server;
  write_host_file(server.tree() / "big", std::string(1 << 20U, 'x'));
  Attached attached(server);
  ASSERT_TRUE(attached.client.version(1 << 20U));
  ASSERT_TRUE(attached.client.attach(0, 0));
  ASSERT_TRUE(attached.client.walk(0, 1, {"big"}));
  ASSERT_TRUE(attached.client.open(1, O_RDONLY));
  std::vector<std::byte> requests;
  for (int i = 0; i < 6; ++i) {
    std::byte one[64];
    const std::size_t size =
        wire::encode(1, wire::Tread{.fid = 1, .offset = 0, .count = 1 << 20U}, one);
    requests.insert(requests.end(), one, one + size);
  }
  std::byte huge[wire::kHeaderSize];
  wire::Writer writer(huge);
  writer(wire::Header{.size = 0xfffffff0U, .type = 100, .tag = 1});
  requests.insert(requests.end(), std::begin(huge), std::end(huge));
  attached.channel.send(requests);
  // Replies may come first; then the connection is closed.
  EXPECT_THROW(
      {
        for (int i = 0; i < 8; ++i) {
          (void)attached.channel.receive();
        }
      },
      std::runtime_error);
  EXPECT_LT(std::stol(server.status_field("VmHWM")), 64 * 1024 * kSanitizerCost);
}

TEST(HostileClient, LongXattrNamesAreRefused) {
  const ServerProcess server;
  write_host_file(server.tree() / "f", "");
  Attached attached(server);
  ASSERT_TRUE(attached.client.walk(0, 1, {"f"}));
  const std::string name = "user." + std::string(60'000, 'n');
  EXPECT_EQ(attached.client
                .ask<wire::Rxattrcreate>(
                    wire::Txattrcreate{.fid = 1, .name = name, .attr_size = 0, .flags = 0})
                .error(),
            Errno{ERANGE});
}

TEST(HostileClient, StrayConnectionDoesNotEndAServerThatServesOnce) {
  const ServerProcess server({"--once"});
  Attached attached(server);
  {
    const UniqueFd stray = server.connect();
  }
  std::this_thread::sleep_for(std::chrono::seconds(1));
  EXPECT_TRUE(server.is_alive());
  EXPECT_TRUE(attached.client.getattr(0));
}

TEST(HostileClient, WriteBeyondTheFileSizeLimitIsAnError) {
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &limit), 0);
  rlimit small = limit;
  small.rlim_cur = 1 << 20U;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const ServerProcess server;
  ::setrlimit(RLIMIT_FSIZE, &limit);
  Attached attached(server);
  ASSERT_TRUE(attached.client.create(0, 1, "f", O_RDWR, 0600, 0));
  EXPECT_EQ(attached.client.write(1, 2 << 20U, "x").error(), Errno{EFBIG});
  EXPECT_TRUE(server.is_alive());
}

TEST(HostileClient, XattrFidsThatAreNeverClunkedAreBounded) {
  const ServerProcess server;
  write_host_file(server.tree() / "f", "");
  Attached attached(server);
  ASSERT_TRUE(attached.client.walk(0, 1, {"f"}));
  Result<void> last;
  std::uint32_t fid = 100;
  for (; fid < 5000 && last; ++fid) {
    ASSERT_TRUE(attached.client.walk(1, fid));
    const auto created = attached.client.ask<wire::Rxattrcreate>(
        wire::Txattrcreate{.fid = fid, .name = "user.x", .attr_size = 65536, .flags = 0});
    if (!created) {
      last = fail(code(created.error()));
    }
  }
  EXPECT_EQ(last.error(), Errno{ENOMEM});
  EXPECT_LT(resident_kib(server), 128 * 1024 * kSanitizerCost);
  for (std::uint32_t used = 100; used < fid; ++used) {
    (void)attached.client.clunk(used);
  }
  EXPECT_TRUE(attached.client.set_xattr(1, 50, "user.x", "works again"));
}

TEST(HostileClient, HostSymlinksSwappedUnderTheServerLeadNowhere) {
  const ServerProcess server;
  std::filesystem::create_directories(server.tree() / "real/inner");
  write_host_file(server.tree() / "real/inner/passwd", "inside");
  std::jthread swapper([&](const std::stop_token& stop) {
    const auto real = server.tree() / "real";
    const auto swap = server.tree() / "swap";
    std::filesystem::create_symlink("/etc", swap);
    while (!stop.stop_requested()) {
      ::syscall(SYS_renameat2, AT_FDCWD, real.c_str(), AT_FDCWD, swap.c_str(),
                2 /* RENAME_EXCHANGE */);
    }
  });
  Attached attached(server);
  int opened = 0;
  for (int i = 0; i < 3000; ++i) {
    for (const char* dir : {"real", "swap"}) {
      if (attached.client.walk(0, 1, {dir, "passwd"})) {
        ADD_FAILURE() << "reached /etc/passwd";
      }
      if (attached.client.walk(0, 1, {dir, "inner", "passwd"}) &&
          attached.client.open(1, O_RDONLY)) {
        const auto content = attached.client.read(1, 0, 100);
        EXPECT_TRUE(!content || *content == "inside");
        ++opened;
      }
    }
  }
  EXPECT_GT(opened, 0);
}

TEST(HostileClient, ModeBitsAndNodesNeverReachTheHost) {
  const ServerProcess server;
  Attached attached(server);
  ASSERT_TRUE(attached.client.create(0, 1, "suid", O_RDWR, 06777, 0));
  ASSERT_TRUE(attached.client.ask<wire::Rmknod>(wire::Tmknod{
      .dfid = 0, .name = "sda", .mode = S_IFBLK | 0666, .major = 8, .minor = 0, .gid = 0}));
  struct stat info{};
  ASSERT_EQ(::lstat((server.tree() / "suid").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode, S_IFREG | 0600U);
  ASSERT_EQ(::lstat((server.tree() / "sda").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode, S_IFREG | 0600U);
}

}  // namespace
}  // namespace nineroot::test
