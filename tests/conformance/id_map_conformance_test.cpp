// Owners translated by `serve --map`: attributes, new inodes, chown and ACLs.
#include <sys/stat.h>

#include "tests/conformance/conformance.h"

namespace nineroot::test {
namespace {

class IdMapConformance : public testing::TestWithParam<fs::IdentityKind> {
 protected:
  void SetUp() override {
    const bool is_native =
        GetParam() == fs::IdentityKind::passthrough || GetParam() == fs::IdentityKind::none;
    if (is_native && ::geteuid() != 0) {
      GTEST_SKIP() << "only root can give files to others on the host";
    }
  }

  [[nodiscard]] ServedOptions with(std::vector<std::string> rules) const {
    return {.identity = GetParam(), .id_rules = std::move(rules)};
  }

  /// What another server without rules shows of the same tree.
  struct Kept {
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
  };

  [[nodiscard]] Kept kept(const ServedTree& served, std::string_view name) const {
    const auto tree = fs::Tree::open(
        UniqueFd(::open(served.path().c_str(), O_RDONLY | O_DIRECTORY)), {.identity = GetParam()});
    const auto found = (*tree)->lookup((*tree)->root(), *fs::Name::parse(name));
    return {found->attr.uid, found->attr.gid};
  }
};

INSTANTIATE_TEST_SUITE_P(Every, IdMapConformance, every_identity(), name_of_identity);

TEST_P(IdMapConformance, NewInodesAndChownAreTranslatedBothWays) {
  ServedTree served(with({"map:0:100000:65536"}));
  Client9p& client = served.client();
  ASSERT_TRUE(client.attach(10, 1000));
  ASSERT_TRUE(client.create(10, 1, "f", O_RDWR, 0644, 2000));
  EXPECT_EQ(client.getattr(1)->uid, 1000U);
  EXPECT_EQ(client.getattr(1)->gid, 2000U);
  EXPECT_EQ(kept(served, "f").uid, 101000U);
  EXPECT_EQ(kept(served, "f").gid, 102000U);
  ASSERT_TRUE(client.ask<wire::Rsetattr>(
      wire::Tsetattr{.fid = 1, .valid = wire::kSetUid | wire::kSetGid, .uid = 5, .gid = 6}));
  EXPECT_EQ(client.getattr(1)->uid, 5U);
  EXPECT_EQ(kept(served, "f").uid, 100005U);
  EXPECT_EQ(kept(served, "f").gid, 100006U);
  ASSERT_TRUE(
      client.ask<wire::Rmkdir>(wire::Tmkdir{.dfid = 10, .name = "d", .mode = 0755, .gid = 7}));
  ASSERT_TRUE(
      client.ask<wire::Rsymlink>(wire::Tsymlink{.dfid = 10, .name = "l", .symtgt = "f", .gid = 7}));
  ASSERT_TRUE(client.ask<wire::Rmknod>(
      wire::Tmknod{.dfid = 10, .name = "p", .mode = S_IFIFO | 0600, .gid = 7}));
  for (const std::string_view name : {"d", "l", "p"}) {
    EXPECT_EQ(kept(served, name).uid, 101000U) << name;
    EXPECT_EQ(kept(served, name).gid, 100007U) << name;
  }
}

TEST_P(IdMapConformance, ForbiddenOwnersChangeNothing) {
  ServedTree served(with({"uid:forbid-guest:0:1000"}));
  Client9p& client = served.client();  // Attached as uid 0.
  EXPECT_ERRNO(EPERM, client.create(0, 1, "f", O_RDWR, 0644, 0));
  EXPECT_ERRNO(EPERM, client.ask<wire::Rmkdir>(
                          wire::Tmkdir{.dfid = 0, .name = "d", .mode = 0755, .gid = 0}));
  EXPECT_ERRNO(EPERM, client.ask<wire::Rsymlink>(
                          wire::Tsymlink{.dfid = 0, .name = "l", .symtgt = "f", .gid = 0}));
  EXPECT_ERRNO(EPERM, client.ask<wire::Rmknod>(
                          wire::Tmknod{.dfid = 0, .name = "p", .mode = S_IFIFO | 0600, .gid = 0}));
  EXPECT_TRUE(std::filesystem::is_empty(served.path()) ||
              GetParam() == fs::IdentityKind::mapped_file);
  ASSERT_TRUE(client.attach(10, 1000));
  ASSERT_TRUE(client.create(10, 1, "f", O_RDWR, 0644, 0));
  EXPECT_ERRNO(EPERM, client.ask<wire::Rsetattr>(
                          wire::Tsetattr{.fid = 1, .valid = wire::kSetUid, .uid = 999}));
  EXPECT_EQ(client.getattr(1)->uid, 1000U);
}

TEST_P(IdMapConformance, SquashedOwnersBecomeOne) {
  ServedTree served(with({"squash-guest:0:4242:4294967295", "squash-host:4000:7:1000"}));
  Client9p& client = served.client();
  ASSERT_TRUE(client.attach(10, 31));
  ASSERT_TRUE(client.create(10, 1, "f", O_RDWR, 0644, 32));
  EXPECT_EQ(kept(served, "f").uid, 4242U);
  EXPECT_EQ(client.getattr(1)->uid, 7U);
  EXPECT_EQ(client.getattr(1)->gid, 7U);
}

TEST_P(IdMapConformance, FilesOfTheExportsOwnerAreRootsWithSquashOwner) {
  constexpr std::uint32_t kOwner = 1234;
  constexpr std::uint32_t kGroup = 1235;
  const bool is_root = ::geteuid() == 0;
  ServedOptions options = with({"squash-owner"});
  options.prepare = [&](const std::filesystem::path& root) {
    write_host_file(root / "own", "of the export's owner");
    write_host_file(root / "other", "somebody else's");
    if (is_root) {
      ASSERT_EQ(::chown(root.c_str(), kOwner, kGroup), 0);
      ASSERT_EQ(::chown((root / "own").c_str(), kOwner, 77), 0);
    }
  };
  ServedTree served(options);
  Client9p& client = served.client();
  ASSERT_TRUE(client.walk(0, 1, {"own"}));
  EXPECT_EQ(client.getattr(1)->uid, 0U);
  EXPECT_EQ(client.getattr(1)->gid, 0U);
  EXPECT_EQ(client.getattr(0)->uid, 0U);
  // A recorded owner stands; where none can be recorded, root's files are the owner's.
  ASSERT_TRUE(client.attach(10, 55));
  ASSERT_TRUE(client.create(10, 2, "f", O_RDWR, 0644, 56));
  EXPECT_EQ(client.getattr(2)->uid, 55U);
  EXPECT_EQ(client.getattr(2)->gid, 56U);
  ASSERT_TRUE(client.create(0, 3, "g", O_RDWR, 0644, 0));
  EXPECT_EQ(client.getattr(3)->uid, 0U);
  const bool is_native =
      GetParam() == fs::IdentityKind::passthrough || GetParam() == fs::IdentityKind::none;
  EXPECT_EQ(kept(served, "g").uid, is_native ? kOwner : 0U);
  EXPECT_EQ(kept(served, "g").gid, is_native ? kGroup : 0U);
}

/// user::rw- user:1000:rw- group::r-- mask::rw- other::r--
std::string acl_naming(std::uint32_t uid) {
  std::string acl;
  const auto u16 = [&](std::uint16_t value) {
    acl += static_cast<char>(value & 0xff);
    acl += static_cast<char>(value >> 8);
  };
  const auto entry = [&](std::uint16_t tag, std::uint16_t perm, std::uint32_t id) {
    u16(tag);
    u16(perm);
    u16(static_cast<std::uint16_t>(id & 0xffff));
    u16(static_cast<std::uint16_t>(id >> 16));
  };
  u16(2);
  u16(0);
  entry(0x01, 6, UINT32_MAX);
  entry(0x02, 6, uid);
  entry(0x04, 4, UINT32_MAX);
  entry(0x10, 6, UINT32_MAX);
  entry(0x20, 4, UINT32_MAX);
  return acl;
}

TEST_P(IdMapConformance, OwnersInsideAclsAreTranslated) {
  if (GetParam() == fs::IdentityKind::none) {
    GTEST_SKIP() << "the identity none keeps no ACLs";
  }
  ServedTree served(with({"uid:map:1000:2000:1", "uid:forbid-guest:66:1"}));
  Client9p& client = served.client();
  ASSERT_TRUE(client.create(0, 1, "f", O_RDWR, 0644, 0));
  ASSERT_TRUE(client.clunk(1));
  ASSERT_TRUE(client.walk(0, 1, {"f"}));
  ASSERT_TRUE(client.walk(1, 2));
  const std::string acl = acl_naming(1000);
  ASSERT_TRUE(client.set_xattr(2, 3, "system.posix_acl_access", acl));
  EXPECT_EQ(client.get_xattr(1, 4, "system.posix_acl_access"), acl);
  ServedOptions plain = with({});
  const auto tree = fs::Tree::open(UniqueFd(::open(served.path().c_str(), O_RDONLY | O_DIRECTORY)),
                                   {.identity = plain.identity});
  const auto found = (*tree)->lookup((*tree)->root(), *fs::Name::parse("f"));
  const auto value = (*tree)->get_xattr(found->node, "system.posix_acl_access");
  ASSERT_TRUE(value);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(value->data()), value->size()),
            acl_naming(2000));
  ASSERT_TRUE(client.walk(1, 5));
  EXPECT_ERRNO(EPERM, client.set_xattr(5, 6, "system.posix_acl_access", acl_naming(66)));
}

}  // namespace
}  // namespace nineroot::test
