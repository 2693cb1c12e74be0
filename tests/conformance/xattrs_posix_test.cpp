// Which xattr namespaces each type of file has: all in a mapped tree, the host's rules elsewhere.
#include "tests/conformance/posix.h"

namespace nineroot::test {
namespace {

using XattrsPosix = PosixTest;
INSTANTIATE_TEST_SUITE_P(Every, XattrsPosix, every_identity(), name_of_identity);

TEST_P(XattrsPosix, NamespacesByType) {
  for (const std::uint32_t type : types()) {
    SCOPED_TRACE(name_of_type(type));
    const std::string name = name_of_type(type);
    ASSERT_TRUE(calls.make(type, name));
    ASSERT_TRUE(client.walk(0, 1, {name}));
    const bool has_user = is_mapped() || type == S_IFREG || type == S_IFDIR;
    const bool has_trusted = is_mapped() || ::geteuid() == 0;
    EXPECT_ERRNO(ENODATA, client.get_xattr(1, 50, "user.x"));
    EXPECT_ERRNO(ENODATA, client.get_xattr(1, 50, "trusted.x"));
    if (has_user) {
      EXPECT_TRUE(client.set_xattr(1, 50, "user.x", "value"));
      EXPECT_EQ(client.get_xattr(1, 50, "user.x"), "value");
    } else {
      EXPECT_ERRNO(EPERM, client.set_xattr(1, 50, "user.x", "value"));
    }
    if (has_trusted) {
      EXPECT_TRUE(client.set_xattr(1, 50, "trusted.x", "value"));
      EXPECT_EQ(client.get_xattr(1, 50, "trusted.x"), "value");
      EXPECT_TRUE(client.set_xattr(1, 50, "security.x", "value"));
      EXPECT_EQ(client.get_xattr(1, 50, "security.x"), "value");
    } else {
      EXPECT_ERRNO(EPERM, client.set_xattr(1, 50, "trusted.x", "value"));
    }
  }
}

TEST_P(XattrsPosix, CreateAndReplaceKeepTheirPromise) {
  ASSERT_TRUE(calls.touch("f"));
  ASSERT_TRUE(client.walk(0, 1, {"f"}));
  EXPECT_ERRNO(ENODATA, client.set_xattr(1, 50, "user.x", "new", XATTR_REPLACE));
  EXPECT_TRUE(client.set_xattr(1, 50, "user.x", "one", XATTR_CREATE));
  EXPECT_ERRNO(EEXIST, client.set_xattr(1, 50, "user.x", "two", XATTR_CREATE));
  EXPECT_EQ(client.get_xattr(1, 50, "user.x"), "one");
  EXPECT_TRUE(client.set_xattr(1, 50, "user.x", "two", XATTR_REPLACE));
  EXPECT_EQ(client.get_xattr(1, 50, "user.x"), "two");
  EXPECT_ERRNO(EINVAL, client.set_xattr(1, 50, "user.x", "three", 4));
  ASSERT_TRUE(client.clunk(50));
  EXPECT_TRUE(calls.remove_xattr(1, "user.x"));
  EXPECT_ERRNO(ENODATA, calls.remove_xattr(1, "user.x"));
}

TEST_P(XattrsPosix, TheyBelongToTheInodeNotToTheName) {
  ASSERT_TRUE(calls.touch("f"));
  ASSERT_TRUE(client.walk(0, 1, {"f"}));
  ASSERT_TRUE(client.set_xattr(1, 50, "user.x", "value"));
  ASSERT_TRUE(calls.link(1, "g"));
  ASSERT_TRUE(client.walk(0, 2, {"g"}));
  EXPECT_EQ(client.get_xattr(2, 50, "user.x"), "value");
  ASSERT_TRUE(client.set_xattr(2, 50, "user.x", "other"));
  EXPECT_EQ(client.get_xattr(1, 50, "user.x"), "other");
  ASSERT_TRUE(client.unlink(0, "f"));
  ASSERT_TRUE(calls.touch("f"));
  ASSERT_TRUE(client.walk(0, 3, {"f"}));
  EXPECT_ERRNO(ENODATA, client.get_xattr(3, 50, "user.x"));
  EXPECT_EQ(client.get_xattr(1, 50, "user.x"), "other");
}

}  // namespace
}  // namespace nineroot::test
