// Inodes that no fid stands for any more: what is kept of them, and that it does no harm.
#include "fs/idle_nodes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "base/mapped_format.h"
#include "fs/tree.h"
#include "tests/support/temp_dir.h"

namespace nineroot::fs {
namespace {

using namespace std::chrono_literals;

class IdleNodesTest : public testing::Test {
 protected:
  void SetUp() override { open({}); }

  void open(FastPaths fast_paths) {
    tree.reset();
    UniqueFd root(::open(directory.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    auto opened =
        Tree::open(std::move(root), {.fast_paths = fast_paths, .on_idle = [this] { ++told; }});
    ASSERT_TRUE(opened) << opened.error().text();
    tree = std::move(*opened);
  }

  static Name name(std::string_view text) { return *Name::parse(text); }

  /// Looks the entry up and lets go of it.
  Attr touch(std::string_view text) { return tree->lookup(tree->root(), name(text))->attr; }

  std::filesystem::path make(const char* file, const char* content = "x") const {
    const auto path = directory.path() / file;
    std::ofstream(path) << content;
    return path;
  }

  /// Descriptors of this process that stand for files that have no name any more.
  static int nameless_descriptors() {
    int count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
      struct stat info{};
      if (::stat(entry.path().c_str(), &info) == 0 && S_ISREG(info.st_mode) && info.st_nlink == 0) {
        ++count;
      }
    }
    return count;
  }

  test::TempDir directory;
  int told = 0;
  std::unique_ptr<Tree> tree;
};

TEST_F(IdleNodesTest, AreKeptForAWhileAndToldOnce) {
  make("a");
  make("b");
  touch("a");
  touch("b");
  EXPECT_EQ(tree->node_count(), 3U);
  EXPECT_EQ(told, 1);
  EXPECT_TRUE(tree->drop_idle(1h)) << "these are young";
  EXPECT_EQ(tree->node_count(), 3U);
  EXPECT_FALSE(tree->drop_idle(-1h));
  EXPECT_EQ(tree->node_count(), 1U);
  touch("a");
  EXPECT_EQ(told, 2);
}

TEST_F(IdleNodesTest, AreToldOnceThoughTheOnlyOneComesAndGoes) {
  make("a");
  for (int i = 0; i < 10; ++i) {
    touch("a");
  }
  EXPECT_EQ(told, 1);
  ASSERT_TRUE(tree->remove(tree->root(), name("a"), false));
  make("b");
  touch("b");
  EXPECT_EQ(told, 1) << "whoever was told looks again, as none was left unsaid";
  EXPECT_FALSE(tree->drop_idle(-1h));
  touch("b");
  EXPECT_EQ(told, 2);
}

TEST_F(IdleNodesTest, AreNotKeptWhereThatIsSwitchedOff) {
  open({.keeps_inodes = false});
  make("a");
  touch("a");
  EXPECT_EQ(tree->node_count(), 1U);
  EXPECT_EQ(told, 0);
}

TEST_F(IdleNodesTest, NothingIsOtherwiseWithoutAnyFastPath) {
  open({.keeps_inodes = false,
        .holds_readable = false,
        .shares_reads = false,
        .trusts_fine_ctime = false,
        .closes_at_once = false});
  make("a", "four");
  const Found found = *tree->lookup(tree->root(), name("a"));
  EXPECT_EQ(found.attr.size, 4U);
  Opened opened = *tree->open(found.node, O_RDWR);
  std::array<std::byte, 16> room{};
  EXPECT_EQ(*opened.file->read(IoVecs(room), 0, true), 4U);
  ASSERT_TRUE(tree->set_attr(found.node, {.mode = 0640}, nullptr));
  EXPECT_EQ(tree->attr(found.node)->mode, S_IFREG | 0640U);
  ASSERT_TRUE(tree->remove(tree->root(), name("a"), false));
  EXPECT_EQ(*opened.file->read(IoVecs(room), 0, true), 4U);
}

TEST_F(IdleNodesTest, AreNoneWhileSomebodyRefersToThem) {
  make("a");
  touch("a");
  const Found held = *tree->lookup(tree->root(), name("a"));
  EXPECT_FALSE(tree->drop_idle(-1h));
  EXPECT_EQ(tree->node_count(), 2U);
  EXPECT_TRUE(tree->attr(held.node));
}

TEST_F(IdleNodesTest, KeepTheirDirectories) {
  std::filesystem::create_directories(directory.path() / "d/e");
  make("d/e/f");
  {
    const NodeRef d = tree->lookup(tree->root(), name("d"))->node;
    const NodeRef e = tree->lookup(d, name("e"))->node;
    (void)tree->lookup(e, name("f"));
  }
  EXPECT_EQ(tree->node_count(), 4U);
  EXPECT_FALSE(tree->drop_idle(-1h));
  EXPECT_EQ(tree->node_count(), 1U);
}

TEST_F(IdleNodesTest, ShowWhatTheHostChanged) {
  const auto path = make("a", "four");
  EXPECT_EQ(touch("a").size, 4U);
  std::ofstream(path) << "longer than before";
  const auto mode = mapped::encode_u32(S_IFREG | 0751U);
  ASSERT_EQ(::setxattr(path.c_str(), mapped::kXattrMode, mode.data(), mode.size(), 0), 0);
  EXPECT_EQ(touch("a").size, 18U);
  EXPECT_EQ(touch("a").mode, S_IFREG | 0751U);
}

/// However fast one follows the other, and whatever the host's clock for time stamps.
TEST_F(IdleNodesTest, ShowEachOfManyChangesByTheHost) {
  const auto path = make("a");
  for (std::uint32_t i = 0; i < 3000; ++i) {
    const std::uint32_t wanted = S_IFREG | (i % 2 == 0 ? 0640U : 0755U);
    const auto mode = mapped::encode_u32(wanted);
    ASSERT_EQ(::setxattr(path.c_str(), mapped::kXattrMode, mode.data(), mode.size(), 0), 0);
    ASSERT_EQ(touch("a").mode, wanted) << "change " << i;
  }
}

TEST_F(IdleNodesTest, AreNotMistakenForWhatReplacesThem) {
  const auto path = make("a", "old");
  const Attr old = touch("a");
  make("b", "younger");
  std::filesystem::rename(directory.path() / "b", path);
  const Found found = *tree->lookup(tree->root(), name("a"));
  EXPECT_NE(found.attr.number, old.number);
  EXPECT_EQ(found.attr.size, 7U);
  Opened opened = *tree->open(found.node, O_RDONLY);
  std::array<std::byte, 16> room{};
  EXPECT_EQ(*opened.file->read(IoVecs(room), 0, true), 7U);
}

TEST_F(IdleNodesTest, LetGoOfWhatTheGuestDeletes) {
  make("a");
  touch("a");
  ASSERT_TRUE(tree->remove(tree->root(), name("a"), false));
  EXPECT_EQ(tree->node_count(), 1U);
  EXPECT_EQ(nameless_descriptors(), 0);
}

TEST_F(IdleNodesTest, LetGoOfWhatTheHostDeletedWhenTheyAreDropped) {
  const auto path = make("a");
  touch("a");
  std::filesystem::remove(path);
  EXPECT_EQ(nameless_descriptors(), 1);
  EXPECT_FALSE(tree->drop_idle(-1h));
  EXPECT_EQ(nameless_descriptors(), 0);
}

TEST_F(IdleNodesTest, MakeRoomForOthers) {
  for (int i = 0; i < 10; ++i) {
    make(std::to_string(i).c_str());
    touch(std::to_string(i));
  }
  const std::size_t before = tree->fd_count();
  EXPECT_TRUE(tree->make_room());
  EXPECT_EQ(tree->fd_count(), before - 10);
  EXPECT_FALSE(tree->make_room()) << "only the root is left, which must stay";
}

/// A file that was readable when its inode was first seen is not so for ever.
TEST_F(IdleNodesTest, ReadingIsRefusedOnceTheHostHasTakenTheRightAway) {
  if (::getuid() == 0 && ::seteuid(65'534) != 0) {
    GTEST_SKIP() << "root may read everything, and cannot be given up here";
  }
  struct Restore {
    ~Restore() { (void)!::seteuid(::getuid()); }
  } restore;
  test::TempDir own;
  UniqueFd root(::open(own.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  auto other = Tree::open(std::move(root), {});
  ASSERT_TRUE(other);
  const auto path = own.path() / "a";
  std::ofstream(path) << "secret";
  const Found found = *(*other)->lookup((*other)->root(), name("a"));
  EXPECT_TRUE((*other)->open(found.node, O_RDONLY));
  ASSERT_EQ(::chmod(path.c_str(), 0), 0);
  const auto refused = (*other)->open(found.node, O_RDONLY);
  EXPECT_FALSE(refused);
  ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
  EXPECT_TRUE((*other)->open(found.node, O_RDONLY));
}

}  // namespace
}  // namespace nineroot::fs
