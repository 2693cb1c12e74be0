// What an ordinary user of the host could never have, and the guest has in a mapped tree: owners,
// modes, set-id bits, nodes, and xattrs of every namespace on every type of file.
#include "tests/conformance/posix.h"

namespace nineroot::test {
namespace {

/// The whole process without root's rights, for a while.
class OrdinaryUser {
 public:
  OrdinaryUser() {
    if (::geteuid() == 0) {
      (void)::setegid(kNobody);
      (void)::seteuid(kNobody);
    }
  }
  ~OrdinaryUser() {
    (void)::seteuid(::getuid());
    (void)::setegid(::getgid());
  }
  OrdinaryUser(const OrdinaryUser&) = delete;
  OrdinaryUser& operator=(const OrdinaryUser&) = delete;

 private:
  static constexpr uid_t kNobody = 65'534;
};

constexpr std::uint32_t kTypes[] = {S_IFREG, S_IFDIR, S_IFLNK, S_IFIFO, S_IFSOCK, S_IFCHR, S_IFBLK};

class OrdinaryUserTest : public testing::TestWithParam<fs::IdentityKind> {
 protected:
  /// As the host keeps it: private, and nobody's but ours.
  void expect_plain_on_host(const std::filesystem::path& path, bool is_directory) {
    struct stat info{};
    ASSERT_EQ(::lstat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode, is_directory ? S_IFDIR | 0700U : S_IFREG | 0600U);
    EXPECT_EQ(info.st_uid, ::geteuid());
  }

  OrdinaryUser ordinary;
  ServedTree served{{.identity = GetParam()}};
  Client9p& client = served.client();
  Calls calls{client};
};
INSTANTIATE_TEST_SUITE_P(Mapped, OrdinaryUserTest,
                         testing::Values(fs::IdentityKind::mapped_xattr,
                                         fs::IdentityKind::mapped_file),
                         name_of_identity);

TEST_P(OrdinaryUserTest, EveryTypeWithAnyOwnerAndMode) {
  ASSERT_NE(::geteuid(), 0U);
  ASSERT_TRUE(client.attach(5, 33));
  for (const std::uint32_t type : kTypes) {
    SCOPED_TRACE(name_of_type(type));
    const std::string name = name_of_type(type);
    ASSERT_TRUE(calls.make(type, name, 5));
    ASSERT_TRUE(client.walk(5, 1, {name}));
    EXPECT_EQ(client.getattr(1)->uid, 33U);
    ASSERT_TRUE(calls.chown(1, 0, 4'294'967'294U));
    for (const std::uint32_t mode : {0U, 07777U, 04755U, 02711U, 01777U, 0400U}) {
      if (type == S_IFLNK) {
        break;
      }
      ASSERT_TRUE(client.chmod(1, type | mode));
      EXPECT_EQ(client.getattr(1)->mode, type | mode);
    }
    const auto attr = *calls.stat(name, 5);
    EXPECT_EQ(attr.uid, 0U);
    EXPECT_EQ(attr.gid, 4'294'967'294U);
    EXPECT_EQ(attr.mode & S_IFMT, type);
    if (type == S_IFCHR || type == S_IFBLK) {
      EXPECT_EQ(attr.rdev, makedev(1, 3));
    }
    EXPECT_EQ(attr.qid.type, type == S_IFDIR   ? wire::kQidDirectory
                             : type == S_IFLNK ? wire::kQidSymlink
                                               : wire::kQidFile);
    expect_plain_on_host(served.path() / name, type == S_IFDIR);
  }
}

TEST_P(OrdinaryUserTest, FilesWithoutPermissionsAreStillServed) {
  ASSERT_TRUE(calls.mkdir("d", 0));
  ASSERT_TRUE(client.walk(0, 1, {"d"}));
  ASSERT_TRUE(calls.touch("f", "secret", 1, 0));
  ASSERT_TRUE(client.walk(1, 2, {"f"}));
  ASSERT_TRUE(client.open(2, O_RDWR));
  EXPECT_EQ(client.read(2, 0, 10), "secret");
  EXPECT_EQ(client.write(2, 0, "S"), 1U);
  EXPECT_EQ(calls.names(1), (std::multiset<std::string>{"f"}));
}

TEST_P(OrdinaryUserTest, XattrsOfEveryNamespaceOnEveryType) {
  const std::string capability("\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
  const std::string acl("\2\0\0\0\1\0\6\0\xff\xff\xff\xff\4\0\4\0\xff\xff\xff\xff", 20);
  const std::map<std::string, std::string> values{
      {"user.note", "plain"},
      {"security.capability", capability},
      {"security.selinux", std::string("system_u:object_r:bin_t:s0\0", 27)},
      {"trusted.overlay.opaque", "y"},
      {"system.posix_acl_access", acl},
      {"user.empty", ""}};
  for (const std::uint32_t type : kTypes) {
    SCOPED_TRACE(name_of_type(type));
    const std::string name = name_of_type(type);
    ASSERT_TRUE(calls.make(type, name));
    ASSERT_TRUE(client.walk(0, 1, {name}));
    std::set<std::string> listed;
    for (const auto& [xattr, value] : values) {
      if (value.empty() && xattr.starts_with("system.")) {
        continue;
      }
      SCOPED_TRACE(xattr);
      EXPECT_ERRNO(ENODATA, client.get_xattr(1, 50, xattr));
      ASSERT_TRUE(client.set_xattr(1, 50, xattr, value, XATTR_CREATE));
      EXPECT_EQ(client.get_xattr(1, 50, xattr), value);
      if (!xattr.starts_with("system.")) {  // Linux takes no notice of the flags for an ACL.
        EXPECT_ERRNO(EEXIST, client.set_xattr(1, 50, xattr, value + "x", XATTR_CREATE));
      }
      listed.insert(xattr);
    }
    std::set<std::string> names;
    std::string all = *client.get_xattr(1, 50, "");
    for (std::size_t at = 0; at < all.size(); at = all.find('\0', at) + 1) {
      names.insert(all.c_str() + at);
    }
    EXPECT_EQ(names, listed);
    EXPECT_EQ(calls.stat(name)->mode & S_IFMT, type);
    for (const auto& [xattr, value] : values) {
      EXPECT_TRUE(calls.remove_xattr(1, xattr)) << xattr;
      EXPECT_ERRNO(ENODATA, client.get_xattr(1, 50, xattr));
    }
    EXPECT_EQ(client.get_xattr(1, 50, ""), "");
  }
}

TEST_P(OrdinaryUserTest, DefaultAclOfADirectory) {
  const std::string acl("\2\0\0\0\1\0\7\0\xff\xff\xff\xff\x20\0\5\0\xff\xff\xff\xff", 20);
  ASSERT_TRUE(calls.mkdir("d"));
  ASSERT_TRUE(client.walk(0, 1, {"d"}));
  ASSERT_TRUE(client.set_xattr(1, 50, "system.posix_acl_default", acl));
  // The client gives ACLs to what is made in it (fs/9p/acl.c); the server must not.
  ASSERT_TRUE(calls.touch("f", "", 1, 0640));
  EXPECT_EQ(calls.stat("f", 1)->mode, S_IFREG | 0640U);
  ASSERT_TRUE(client.walk(1, 2, {"f"}));
  EXPECT_ERRNO(ENODATA, client.get_xattr(2, 50, "system.posix_acl_access"));
  EXPECT_EQ(client.get_xattr(1, 50, "system.posix_acl_default"), acl);
  // An empty value removes it.
  ASSERT_TRUE(client.set_xattr(1, 50, "system.posix_acl_default", ""));
  EXPECT_ERRNO(ENODATA, client.get_xattr(1, 50, "system.posix_acl_default"));
}

TEST_P(OrdinaryUserTest, XattrNamesThatAreTooLongOrOdd) {
  ASSERT_TRUE(calls.touch("f"));
  ASSERT_TRUE(client.walk(0, 1, {"f"}));
  const std::string longest = "user." + std::string(250, 'n');
  ASSERT_TRUE(client.set_xattr(1, 50, longest, "v"));
  EXPECT_EQ(client.get_xattr(1, 50, longest), "v");
  EXPECT_ERRNO(ERANGE, client.set_xattr(1, 50, longest + "n", "v"));
  EXPECT_ERRNO(ERANGE, client.get_xattr(1, 50, longest + "n"));
  // Under a prefix on the host there is a little less room; never another name.
  EXPECT_ERRNO(ERANGE, client.set_xattr(1, 50, "trusted." + std::string(247, 'n'), "v"));
  for (const char* name :
       {"user.", "trusted.", "security.", "system.other", "nonsense", "btrfs.x"}) {
    SCOPED_TRACE(name);
    EXPECT_ERRNO(EOPNOTSUPP, client.set_xattr(1, 50, name, "v"));
    EXPECT_ERRNO(EOPNOTSUPP, client.get_xattr(1, 50, name));
  }
  EXPECT_ERRNO(EACCES, client.set_xattr(1, 50, "user.virtfs.uid", "v"));
  EXPECT_ERRNO(ENODATA, client.get_xattr(1, 50, "user.virtfs.uid"));
  EXPECT_ERRNO(EINVAL, client.set_xattr(1, 50, std::string_view("user.a\0b", 8), "v"));
  EXPECT_EQ(client.get_xattr(1, 50, ""), longest + '\0');
}

TEST_P(OrdinaryUserTest, WhatTheHostUserMayNotTouchIsEacces) {
  if (::getuid() != 0) {
    GTEST_SKIP() << "another user's files need root to be made";
  }
  ASSERT_TRUE(calls.touch("f", "theirs"));
  ASSERT_EQ(::seteuid(0), 0);
  const auto path = served.path() / "f";
  ASSERT_EQ(::chown(path.c_str(), 0, 0), 0);
  ASSERT_EQ(::seteuid(65'534), 0);
  ASSERT_TRUE(client.walk(0, 1, {"f"}));
  EXPECT_ERRNO(EACCES, client.open(1, O_RDONLY));
  EXPECT_ERRNO(EACCES, client.open(1, O_RDWR));
  EXPECT_ERRNO(EACCES, client.truncate(1, 0));
  EXPECT_ERRNO(EACCES, client.set_xattr(1, 50, "user.x", "v"));
  EXPECT_EQ(client.getattr(1)->size, 6U);
}

}  // namespace
}  // namespace nineroot::test
