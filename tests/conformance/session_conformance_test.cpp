// Versions, fids, walks, malformed messages.
#include "tests/conformance/conformance.h"

namespace nineroot::test {
namespace {

using SessionConformance = ConformanceTest;
INSTANTIATE_TEST_SUITE_P(Every, SessionConformance, every_case(), name_of_case);

TEST_P(SessionConformance, VersionGrantsWholePagesOfPayload) {
  EXPECT_EQ(client.version(512000)->msize, 507928U);
  EXPECT_EQ(client.version(131096)->msize, 131096U);
  EXPECT_EQ(client.version(4096)->msize, 4096U);
  EXPECT_ERRNO(EMSGSIZE, client.version(4095));
}

TEST_P(SessionConformance, UnknownVersionIsAnsweredAndGivesNoSession) {
  const auto reply = client.ask<wire::Rversion>(wire::Tversion{.msize = 8192, .version = "9P2000"});
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->version, "unknown");
  EXPECT_ERRNO(EPROTO, client.attach(0, 0));
}

TEST_P(SessionConformance, VersionEndsAllFids) {
  ASSERT_TRUE(client.walk(0, 1));
  ASSERT_TRUE(client.version());
  EXPECT_ERRNO(EBADF, client.getattr(1));
  EXPECT_TRUE(client.attach(0, 0));
}

TEST_P(SessionConformance, UnknownMessagesGetACleanError) {
  for (const int type : {0, 6, 7, 9, 28, 98, 102, 106, 112, 124, 126, 200, 255}) {
    std::vector<std::byte> request(11);
    wire::Writer writer(request);
    writer(wire::Header{.size = 11, .type = static_cast<std::uint8_t>(type), .tag = 1});
    EXPECT_ERRNO(EOPNOTSUPP, client.send_raw(request));
  }
  EXPECT_TRUE(client.getattr(0));
}

TEST_P(SessionConformance, MalformedBodiesGetACleanError) {
  for (int type = 8; type < 124; ++type) {
    std::vector<std::byte> request(8);
    wire::Writer writer(request);
    writer(wire::Header{.size = 8, .type = static_cast<std::uint8_t>(type), .tag = 1});
    EXPECT_FALSE(client.send_raw(request)) << type;
  }
  EXPECT_TRUE(client.getattr(0));
}

TEST_P(SessionConformance, UnknownFidIsEbadf) {
  EXPECT_ERRNO(EBADF, client.getattr(7));
  EXPECT_ERRNO(EBADF, client.walk(7, 8));
  EXPECT_ERRNO(EBADF, client.clunk(7));
  EXPECT_ERRNO(EBADF, client.open(7, O_RDONLY));
  EXPECT_ERRNO(EBADF, client.read(7, 0, 1));
  EXPECT_ERRNO(EBADF, client.write(7, 0, "x"));
}

TEST_P(SessionConformance, FidNumberInUseIsReplaced) {
  make_file("a", "content");
  ASSERT_TRUE(client.walk(0, 1));
  ASSERT_TRUE(client.walk(0, 1, {"a"}));
  EXPECT_TRUE(S_ISREG(client.getattr(1)->mode));
}

TEST_P(SessionConformance, WalkGoesThroughManyNames) {
  std::uint32_t dir = 0;
  std::vector<std::string_view> names;
  for (int i = 0; i < 16; ++i) {
    ASSERT_TRUE(
        client.ask<wire::Rmkdir>(wire::Tmkdir{.dfid = dir, .name = "d", .mode = 0755, .gid = 0}));
    names.emplace_back("d");
    ASSERT_TRUE(client.walk(0, 1, names));
    dir = 1;
  }
  const auto walk = client.walk(0, 2, names);
  ASSERT_TRUE(walk);
  EXPECT_EQ(walk->nwqid, 16U);
  EXPECT_EQ(walk->wqid[15].path, client.getattr(2)->qid.path);
}

TEST_P(SessionConformance, FailedWalkMakesNoFid) {
  make_file("f", "");
  EXPECT_ERRNO(ENOENT, client.walk(0, 5, {"missing"}));
  EXPECT_ERRNO(ENOTDIR, client.walk(0, 5, {"f", "below"}));
  EXPECT_ERRNO(EBADF, client.getattr(5));
}

TEST_P(SessionConformance, WalkCannotLeaveTheTree) {
  const auto root = client.getattr(0)->qid;
  ASSERT_TRUE(client.walk(0, 1, {"..", "..", ".."}));
  EXPECT_EQ(client.getattr(1)->qid, root);
  EXPECT_ERRNO(EINVAL, client.walk(0, 2, {"../.."}));
  EXPECT_ERRNO(EINVAL, client.walk(0, 2, {"/etc"}));
  EXPECT_ERRNO(EINVAL, client.walk(0, 2, {std::string_view("a\0b", 3)}));
}

TEST_P(SessionConformance, HostSymlinkIsNotFollowed) {
  std::filesystem::create_symlink("/etc", served.path() / "out");
  ASSERT_TRUE(client.walk(0, 1, {"out"}));
  EXPECT_TRUE(S_ISLNK(client.getattr(1)->mode));
  EXPECT_EQ(client.readlink(1), "/etc");
  EXPECT_ERRNO(ENOTDIR, client.walk(0, 2, {"out", "passwd"}));
  EXPECT_ERRNO(ELOOP, client.open(1, O_RDONLY));
}

TEST_P(SessionConformance, FlushOfNothingIsAnswered) {
  EXPECT_TRUE(client.ask<wire::Rflush>(wire::Tflush{.oldtag = 77}));
  EXPECT_TRUE(client.ask<wire::Rflush>(wire::Tflush{.oldtag = 1}));
}

TEST_P(SessionConformance, LocksAlwaysSucceed) {
  make_file("lock", "");
  ASSERT_TRUE(client.walk(0, 1, {"lock"}));
  ASSERT_TRUE(client.open(1, O_RDWR));
  const wire::Tlock lock{.fid = 1,
                         .type = wire::kLockWrite,
                         .flags = wire::kLockFlagsBlock,
                         .start = 0,
                         .length = 0,
                         .proc_id = 42,
                         .client_id = "(none)"};
  EXPECT_EQ(client.ask<wire::Rlock>(lock)->status, wire::kLockSuccess);
  const auto query = client.ask<wire::Rgetlock>(wire::Tgetlock{.fid = 1,
                                                               .type = wire::kLockWrite,
                                                               .start = 5,
                                                               .length = 6,
                                                               .proc_id = 7,
                                                               .client_id = "me"});
  ASSERT_TRUE(query);
  EXPECT_EQ(query->type, wire::kLockUnlock);
  EXPECT_EQ(query->start, 5U);
}

TEST_P(SessionConformance, AttachesGiveOwners) {
  ASSERT_TRUE(client.attach(10, 1234));
  ASSERT_TRUE(client.create(10, 11, "mine", O_RDWR, 0600, 567));
  const auto attr = client.getattr(11);
  ASSERT_TRUE(attr);
  if (has_owners()) {
    EXPECT_EQ(attr->uid, 1234U);
    EXPECT_EQ(attr->gid, 567U);
  }
}

TEST_P(SessionConformance, AnameIsAPathInTheTree) {
  ASSERT_TRUE(
      client.ask<wire::Rmkdir>(wire::Tmkdir{.dfid = 0, .name = "sub", .mode = 0755, .gid = 0}));
  make_file("f", "");
  EXPECT_TRUE(client.attach(1, 0, "/sub"));
  EXPECT_ERRNO(ENOENT, client.attach(2, 0, "/missing"));
  EXPECT_ERRNO(EINVAL, client.attach(2, 0, "../../etc"));
}

}  // namespace
}  // namespace nineroot::test
