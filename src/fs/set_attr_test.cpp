// Changes of owner and mode: what is written, what is left out, and that nobody notices.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <filesystem>

#include <gtest/gtest.h>

#include "base/mapped_format.h"
#include "fs/tree.h"
#include "tests/support/temp_dir.h"

namespace nineroot::fs {
namespace {

class SetAttrTest : public testing::TestWithParam<IdentityKind> {
 protected:
  void SetUp() override {
    UniqueFd root(::open(directory.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    auto opened = Tree::open(std::move(root), {.identity = GetParam()});
    ASSERT_TRUE(opened) << opened.error().text();
    tree = std::move(*opened);
    const auto created =
        tree->create(tree->root(), *Name::parse("f"), O_RDWR, 0644, {.uid = 7, .gid = 8});
    ASSERT_TRUE(created);
    node = created->found.node;
  }

  [[nodiscard]] Attr attr() const { return *tree->attr(node); }

  void set(const SetAttr& change) { ASSERT_TRUE(tree->set_attr(node, change, nullptr)); }

  /// Sets it again and again, as the host's clock for time stamps may tick seldom, until the ctime
  /// of the inode tells.
  bool shows(const SetAttr& change) {
    constexpr int kTries = 200'000;
    const timespec before = attr().ctime;
    for (int i = 0; i < kTries; ++i) {
      set(change);
      const timespec after = attr().ctime;
      if (after.tv_sec != before.tv_sec || after.tv_nsec != before.tv_nsec) {
        return true;
      }
    }
    return false;
  }

  test::TempDir directory;
  std::unique_ptr<Tree> tree;
  NodeRef node;
};

INSTANTIATE_TEST_SUITE_P(Mapped, SetAttrTest,
                         testing::Values(IdentityKind::mapped_xattr, IdentityKind::mapped_file),
                         [](const auto& kind) {
                           return kind.param == IdentityKind::mapped_xattr ? "xattr" : "file";
                         });

TEST_P(SetAttrTest, EveryChangeMovesTheCtimeAlsoOneToWhatItIs) {
  EXPECT_TRUE(shows({.mode = 0600}));
  EXPECT_TRUE(shows({.mode = 0600}));
  EXPECT_TRUE(shows({.uid = 7, .gid = 8}));
  EXPECT_TRUE(shows({.uid = 9}));
  EXPECT_TRUE(shows({.mode = 0640, .uid = 9}));
  EXPECT_EQ(attr().mode, S_IFREG | 0640U);
  EXPECT_EQ(attr().uid, 9U);
  EXPECT_EQ(attr().gid, 8U);
}

TEST_P(SetAttrTest, EachOfManyInARowIsSeen) {
  for (std::uint32_t i = 0; i < 300; ++i) {
    set({.mode = i % 3 == 0 ? 0600U : 0644U, .uid = i / 2});
    ASSERT_EQ(attr().mode, S_IFREG | (i % 3 == 0 ? 0600U : 0644U));
    ASSERT_EQ(attr().uid, i / 2);
  }
}

class SetAttrXattrTest : public SetAttrTest {
 protected:
  void set_on_host(std::uint32_t permissions) const {
    const auto mode = mapped::encode_u32(S_IFREG | permissions);
    ASSERT_EQ(::setxattr((directory.path() / "f").c_str(), mapped::kXattrMode, mode.data(),
                         mode.size(), 0),
              0);
  }
};

INSTANTIATE_TEST_SUITE_P(Mapped, SetAttrXattrTest, testing::Values(IdentityKind::mapped_xattr),
                         [](const auto&) { return "xattr"; });

/// What was known before a change by the host must not make ours look needless.
TEST_P(SetAttrXattrTest, TakesBackWhatTheHostHasChanged) {
  for (int i = 0; i < 300; ++i) {
    set({.mode = 0644});
    ASSERT_EQ(attr().mode, S_IFREG | 0644U);
    set_on_host(0600);
    set({.mode = 0644});
    ASSERT_EQ(attr().mode, S_IFREG | 0644U) << "change " << i;
    set_on_host(0755);
    ASSERT_EQ(attr().mode, S_IFREG | 0755U) << "change " << i;
  }
}

}  // namespace
}  // namespace nineroot::fs
