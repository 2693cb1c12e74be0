// Locks with `serve --shared`: between two guests, and with programs of the host.
#include <sys/file.h>
#include <sys/stat.h>

#include "tests/conformance/conformance.h"

namespace nineroot::test {
namespace {

constexpr std::uint8_t kRead = wire::kLockRead;
constexpr std::uint8_t kWrite = wire::kLockWrite;
constexpr std::uint8_t kUnlock = wire::kLockUnlock;

class HostLockConformance : public testing::TestWithParam<fs::IdentityKind> {
 protected:
  void SetUp() override {
    ASSERT_TRUE(other.version());
    ASSERT_TRUE(other.attach(0, 0));
    ASSERT_TRUE(client.create(0, 1, "f", O_RDWR, 0644, 0));
    ASSERT_TRUE(other.walk(0, 1, {"f"}));
    ASSERT_TRUE(other.open(1, O_RDWR));
    host = UniqueFd(::open((served.path() / "f").c_str(), O_RDWR | O_CLOEXEC));
    ASSERT_TRUE(host.is_open());
  }

  static int lock(Client9p& who, std::uint32_t fid, std::uint8_t type, std::uint64_t start,
                  std::uint64_t length, std::uint32_t process = 7) {
    const auto reply = who.ask<wire::Rlock>(wire::Tlock{.fid = fid,
                                                        .type = type,
                                                        .flags = 0,
                                                        .start = start,
                                                        .length = length,
                                                        .proc_id = process,
                                                        .client_id = "guest"});
    return reply ? reply->status : -code(reply.error());
  }

  /// fcntl(2) by this process; true if it got it.
  [[nodiscard]] bool host_lock(short type, off_t start, off_t length) const {
    struct flock lock{};
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    lock.l_start = start;
    lock.l_len = length;
    return ::fcntl(host.get(), F_OFD_SETLK, &lock) == 0;
  }

  ServedTree served{
      {.identity = GetParam(), .carrier = Carrier::unix_socket, .takes_host_locks = true}};
  Client9p& client = served.client();
  std::unique_ptr<SocketChannel> channel = served.connect();
  Client9p other{*channel};
  UniqueFd host;
};

INSTANTIATE_TEST_SUITE_P(Every, HostLockConformance, every_identity(), name_of_identity);

TEST_P(HostLockConformance, AnExclusiveLockKeepsOthersOut) {
  EXPECT_EQ(lock(client, 1, kWrite, 10, 10), wire::kLockSuccess);
  EXPECT_EQ(lock(other, 1, kWrite, 15, 1), wire::kLockBlocked);
  EXPECT_EQ(lock(other, 1, kRead, 0, 0), wire::kLockBlocked);
  EXPECT_EQ(lock(other, 1, kWrite, 20, 0), wire::kLockSuccess);
  EXPECT_FALSE(host_lock(F_RDLCK, 10, 1));
  EXPECT_TRUE(host_lock(F_WRLCK, 0, 10));
  EXPECT_EQ(lock(client, 1, kWrite, 0, 5), wire::kLockBlocked);
  EXPECT_EQ(lock(client, 1, kUnlock, 0, 0), wire::kLockSuccess);
  EXPECT_EQ(lock(other, 1, kWrite, 15, 1), wire::kLockSuccess);
}

TEST_P(HostLockConformance, SharedLocksAgree) {
  EXPECT_EQ(lock(client, 1, kRead, 0, 10), wire::kLockSuccess);
  EXPECT_EQ(lock(other, 1, kRead, 5, 10), wire::kLockSuccess);
  EXPECT_TRUE(host_lock(F_RDLCK, 0, 15));
  EXPECT_EQ(lock(client, 1, kWrite, 0, 2), wire::kLockBlocked);
  EXPECT_EQ(lock(other, 1, kWrite, 12, 1), wire::kLockBlocked);
  // The refused upgrade lost nothing.
  EXPECT_TRUE(host_lock(F_UNLCK, 0, 0));
  EXPECT_FALSE(host_lock(F_WRLCK, 0, 2));
}

TEST_P(HostLockConformance, WholeFilesMeetFlockOfTheHost) {
  ASSERT_EQ(::flock(host.get(), LOCK_SH | LOCK_NB), 0);
  EXPECT_EQ(lock(client, 1, kWrite, 0, 0), wire::kLockBlocked);
  EXPECT_EQ(lock(client, 1, kRead, 0, 0), wire::kLockSuccess);
  ASSERT_EQ(::flock(host.get(), LOCK_UN), 0);
  EXPECT_EQ(lock(client, 1, kWrite, 0, 0), wire::kLockSuccess);
  EXPECT_EQ(::flock(host.get(), LOCK_SH | LOCK_NB), -1);
}

TEST_P(HostLockConformance, TestNamesTheHolder) {
  ASSERT_TRUE(host_lock(F_WRLCK, 100, 50));
  const auto ask = [&](std::uint64_t start, std::uint64_t length) {
    return client.ask<wire::Rgetlock>(wire::Tgetlock{.fid = 1,
                                                     .type = kUnlock,
                                                     .start = start,
                                                     .length = length,
                                                     .proc_id = 7,
                                                     .client_id = "guest"});
  };
  const auto held = ask(0, 0);
  ASSERT_TRUE(held);
  EXPECT_EQ(held->type, kWrite);
  EXPECT_EQ(held->start, 100U);
  EXPECT_EQ(held->length, 50U);
  EXPECT_EQ(ask(150, 0)->type, kUnlock);
  EXPECT_EQ(lock(client, 1, kRead, 0, 10), wire::kLockSuccess);
  EXPECT_EQ(ask(0, 0)->type, kWrite);  // With an open lock file, too.
}

TEST_P(HostLockConformance, LocksEndWithTheFid) {
  ASSERT_TRUE(client.walk(0, 2, {"f"}));
  ASSERT_TRUE(client.open(2, O_RDWR));
  EXPECT_EQ(lock(client, 1, kWrite, 0, 10), wire::kLockSuccess);
  EXPECT_EQ(lock(client, 2, kWrite, 20, 10, 8), wire::kLockSuccess);
  ASSERT_TRUE(client.clunk(2));
  EXPECT_EQ(lock(other, 1, kWrite, 20, 10), wire::kLockSuccess);
  EXPECT_EQ(lock(other, 1, kWrite, 0, 10), wire::kLockBlocked);
  // A number that is used again without a Tclunk.
  ASSERT_TRUE(client.walk(0, 1, {"f"}));
  EXPECT_EQ(lock(other, 1, kWrite, 0, 10), wire::kLockSuccess);
}

TEST_P(HostLockConformance, LocksEndWithTheSession) {
  EXPECT_EQ(lock(other, 1, kWrite, 0, 0), wire::kLockSuccess);
  ASSERT_TRUE(other.version());
  EXPECT_EQ(lock(client, 1, kWrite, 0, 0), wire::kLockSuccess);
}

TEST_P(HostLockConformance, LocksFollowTheInode) {
  EXPECT_EQ(lock(client, 1, kWrite, 0, 0), wire::kLockSuccess);
  ASSERT_TRUE(client.rename(0, "f", 0, "g"));
  ASSERT_TRUE(client.create(0, 2, "f", O_RDWR, 0644, 0));
  EXPECT_EQ(lock(other, 1, kWrite, 0, 0), wire::kLockBlocked);
  ASSERT_TRUE(other.walk(0, 2, {"f"}));
  EXPECT_EQ(lock(other, 2, kWrite, 0, 0), wire::kLockSuccess);
}

TEST_P(HostLockConformance, RangesBeyondAnOffsetAreRefused) {
  EXPECT_EQ(lock(client, 1, kWrite, UINT64_MAX, 1), -EINVAL);
  EXPECT_EQ(lock(client, 1, kWrite, 1, UINT64_MAX), -EINVAL);
  EXPECT_EQ(lock(client, 1, kWrite, INT64_MAX, 1), wire::kLockSuccess);
}

TEST_P(HostLockConformance, DirectoriesTakeSharedLocks) {
  ASSERT_TRUE(client.walk(0, 3));
  ASSERT_TRUE(client.open(3, O_RDONLY));
  EXPECT_EQ(lock(client, 3, kRead, 0, 0), wire::kLockSuccess);
  EXPECT_EQ(lock(client, 3, kWrite, 0, 0), wire::kLockError);
}

TEST_P(HostLockConformance, SpecialFilesAreNotOpenedForALock) {
  // Opening a fifo for reading would wait for a writer, for ever.
  ASSERT_TRUE(client.ask<wire::Rmknod>(
      wire::Tmknod{.dfid = 0, .name = "p", .mode = S_IFIFO | 0600, .gid = 0}));
  ASSERT_TRUE(client.walk(0, 5, {"p"}));
  const bool is_file_on_host =
      GetParam() == fs::IdentityKind::mapped_xattr || GetParam() == fs::IdentityKind::mapped_file;
  EXPECT_EQ(lock(client, 5, kRead, 0, 0), is_file_on_host ? wire::kLockSuccess : wire::kLockError);
}

TEST(ExclusiveLocks, AlwaysSucceedAndTouchNothingOnTheHost) {
  ServedTree served;
  Client9p& client = served.client();
  ASSERT_TRUE(client.create(0, 1, "f", O_RDWR, 0644, 0));
  const UniqueFd host(::open((served.path() / "f").c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_EQ(::flock(host.get(), LOCK_EX | LOCK_NB), 0);
  const auto reply = client.ask<wire::Rlock>(wire::Tlock{.fid = 1,
                                                         .type = kWrite,
                                                         .flags = 0,
                                                         .start = 0,
                                                         .length = 0,
                                                         .proc_id = 7,
                                                         .client_id = "guest"});
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, wire::kLockSuccess);
}

}  // namespace
}  // namespace nineroot::test
