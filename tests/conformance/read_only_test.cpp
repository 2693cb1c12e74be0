// serve --read-only: every change is EROFS, and nothing changes.
#include <sys/stat.h>

#include "tests/conformance/conformance.h"

namespace nineroot::test {
namespace {

TEST(ReadOnly, RefusesEveryChange) {
  ServedTree served({.is_read_only = true});
  Client9p& client = served.client();
  write_host_file(served.path() / "f", "content");
  std::filesystem::create_directory(served.path() / "d");
  ASSERT_TRUE(client.walk(0, 1, {"f"}));
  EXPECT_ERRNO(EROFS, client.create(0, 2, "new", O_RDWR, 0600, 0));
  EXPECT_ERRNO(EROFS, client.walk(0, 3) ? client.open(1, O_RDWR) : client.open(1, O_RDWR));
  EXPECT_ERRNO(EROFS, client.open(1, O_WRONLY));
  EXPECT_ERRNO(EROFS, client.open(1, O_RDONLY | O_TRUNC));
  EXPECT_ERRNO(EROFS, client.chmod(1, 0600));
  EXPECT_ERRNO(EROFS, client.truncate(1, 0));
  EXPECT_ERRNO(EROFS, client.unlink(0, "f"));
  EXPECT_ERRNO(EROFS, client.unlink(0, "d", wire::kUnlinkRemoveDir));
  EXPECT_ERRNO(EROFS, client.rename(0, "f", 0, "g"));
  EXPECT_ERRNO(EROFS, client.set_xattr(1, 50, "user.x", "y"));
  EXPECT_ERRNO(EROFS, client.set_xattr(1, 50, "user.x", "", 2));
  EXPECT_ERRNO(EROFS, client.ask<wire::Rmkdir>(
                          wire::Tmkdir{.dfid = 0, .name = "n", .mode = 0755, .gid = 0}));
  EXPECT_ERRNO(EROFS, client.ask<wire::Rsymlink>(
                          wire::Tsymlink{.dfid = 0, .name = "n", .symtgt = "x", .gid = 0}));
  EXPECT_ERRNO(EROFS,
               client.ask<wire::Rmknod>(wire::Tmknod{
                   .dfid = 0, .name = "n", .mode = S_IFIFO, .major = 0, .minor = 0, .gid = 0}));
  EXPECT_ERRNO(EROFS, client.ask<wire::Rlink>(wire::Tlink{.dfid = 0, .fid = 1, .name = "n"}));
  EXPECT_ERRNO(EROFS, client.ask<wire::Rrename>(wire::Trename{.fid = 1, .dfid = 0, .name = "n"}));
  ASSERT_TRUE(client.open(1, O_RDONLY));
  EXPECT_EQ(client.read(1, 0, 100), "content");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(served.path()), {}), 2);
}

}  // namespace
}  // namespace nineroot::test
