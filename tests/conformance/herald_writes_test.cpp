// What the herald writes so that the guest's kernel sees a file grow (base/herald.h,
// kHeraldWritesVoid): none of it is written, and all else is.
#include "tests/conformance/herald_fixture.h"

namespace nineroot::test {
namespace {

// Of the pattern that the tests announce, what is void at this offset.
std::string void_bytes(std::size_t offset, std::size_t size) {
  std::string bytes;
  for (std::size_t at = offset; at < offset + size; ++at) {
    bytes += static_cast<char>("0123456789abcdef"[at % kVoidPatternSize]);
  }
  return bytes;
}

class HeraldWrites : public Herald {
 protected:
  HeraldWrites() {
    EXPECT_TRUE(client.walk(kHerald, kNew, {"file"}));
    EXPECT_TRUE(client.walk(0, 1, {"file"}));
    EXPECT_TRUE(client.open(1, O_RDWR));
  }

  void announce_void(std::string_view range, std::uint32_t fid = kNew) {
    announce(kHeraldWritesVoid, std::string(range) + ".30313233343536373839616263646566", fid);
  }

  [[nodiscard]] std::string content() const { return read_host_file(path / "file"); }
};

TEST_F(HeraldWrites, WhatIsVoidIsNotWritten) {
  announce_void("2.7");
  ASSERT_TRUE(client.open(kNew, O_RDWR));
  const auto written = client.write(kNew, 2, void_bytes(2, 5));
  ASSERT_TRUE(written);
  EXPECT_EQ(*written, 5U);
  // Linux may choose any writer's fid, and cut a write where it likes.
  EXPECT_TRUE(client.write(1, 3, void_bytes(3, 1)));
  EXPECT_EQ(content(), "content");
}

TEST_F(HeraldWrites, WhatTheGuestWroteIsWrittenThroughItsFid) {
  announce_void("0.7");
  ASSERT_TRUE(client.open(kNew, O_WRONLY));
  EXPECT_TRUE(client.write(kNew, 0, "C"));
  EXPECT_TRUE(client.write(kNew, 5, void_bytes(5, 4)));  // Beyond what was announced.
  EXPECT_TRUE(client.write(kNew, 2, void_bytes(1, 1)));
  EXPECT_EQ(content(), "Co1te5678");
}

TEST_F(HeraldWrites, WhatTheGuestWroteKeepsItsSetIdBits) {
  ASSERT_TRUE(client.chmod(1, 04755));
  announce_void("0.7");
  ASSERT_TRUE(client.open(kNew, O_WRONLY));
  EXPECT_TRUE(client.write(kNew, 0, "C"));
  EXPECT_EQ(client.getattr(1)->mode & 07777U, 04755U);
}

TEST_F(HeraldWrites, NothingIsVoidBeyondTheEnd) {
  announce_void("0.20");
  ASSERT_TRUE(client.open(kNew, O_WRONLY));
  EXPECT_ERRNO(ESTALE, client.write(kNew, 0, void_bytes(0, 8)));
  EXPECT_EQ(content(), "content");
}

TEST_F(HeraldWrites, OnlyWhatItHasAnnounced) {
  EXPECT_ERRNO(EROFS, client.open(kNew, O_WRONLY));
  announce_void("0.7");
  EXPECT_ERRNO(EROFS, client.open(kNew, O_WRONLY | O_TRUNC));
  write_host_file(path / "other", "other");
  ASSERT_TRUE(client.walk(kHerald, kNew + 1, {"other"}));
  EXPECT_ERRNO(EROFS, client.open(kNew + 1, O_WRONLY));
  announce_void("0.5", kNew + 1);
  EXPECT_ERRNO(EROFS, client.open(kNew, O_WRONLY));
  EXPECT_TRUE(client.write(1, 0, void_bytes(0, 2)));
  EXPECT_EQ(content(), "01ntent");
}

TEST_F(HeraldWrites, AnnouncementsHaveOneForm) {
  for (const char* text :
       {"", "1", "1.", "1.2", "1.2.", "1.2.3031", "x.2.30313233343536373839616263646566",
        "1.2.3031323334353637383961626364656", "1.2.3031323334353637383961626364656g"}) {
    EXPECT_ERRNO(EINVAL, client.get_xattr(kNew, 50, std::string(kHeraldWritesVoid) + text));
  }
}

}  // namespace
}  // namespace nineroot::test
