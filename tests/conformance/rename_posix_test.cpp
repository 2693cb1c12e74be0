// rename: everything over everything, into everywhere.
#include "tests/conformance/posix.h"

namespace nineroot::test {
namespace {

class RenamePosix : public PosixTest {
 protected:
  void SetUp() override {
    PosixTest::SetUp();
    if (IsSkipped()) {
      return;
    }
    ASSERT_TRUE(calls.mkdir("a"));
    ASSERT_TRUE(calls.mkdir("b"));
    ASSERT_TRUE(client.walk(0, kA, {"a"}));
    ASSERT_TRUE(client.walk(0, kB, {"b"}));
  }

  static constexpr std::uint32_t kA = 10;
  static constexpr std::uint32_t kB = 11;
  static constexpr std::uint32_t kSource = 12;
  static constexpr std::uint32_t kTarget = 13;
};
INSTANTIATE_TEST_SUITE_P(Every, RenamePosix, every_identity(), name_of_identity);

/// What rename(2) says of these two types; a directory as target is empty.
int expected_error(std::uint32_t source, std::uint32_t target) {
  if (source == S_IFDIR) {
    return target == S_IFDIR ? 0 : ENOTDIR;
  }
  return target == S_IFDIR ? EISDIR : 0;
}

TEST_P(RenamePosix, EveryTypeOverEveryType) {
  for (const std::uint32_t source : types()) {
    for (const std::uint32_t target : types()) {
      SCOPED_TRACE(name_of_type(source) + " over " + name_of_type(target));
      ASSERT_TRUE(calls.make(source, "s", kA));
      ASSERT_TRUE(calls.make(target, "t", kB));
      ASSERT_TRUE(client.walk(kA, kSource, {"s"}));
      ASSERT_TRUE(client.walk(kB, kTarget, {"t"}));
      const auto source_qid = client.getattr(kSource)->qid;
      const auto target_qid = client.getattr(kTarget)->qid;
      const int error = expected_error(source, target);
      if (error != 0) {
        EXPECT_ERRNO(error, client.rename(kA, "s", kB, "t"));
        EXPECT_EQ(calls.stat("s", kA)->qid, source_qid);
        EXPECT_EQ(calls.stat("t", kB)->qid, target_qid);
        EXPECT_TRUE(calls.remove(source, "s", kA));
      } else {
        EXPECT_TRUE(client.rename(kA, "s", kB, "t"));
        EXPECT_ERRNO(ENOENT, calls.stat("s", kA));
        EXPECT_EQ(calls.stat("t", kB)->qid, source_qid);
        EXPECT_EQ(calls.stat("t", kB)->mode & S_IFMT, source);
        EXPECT_EQ(client.getattr(kTarget)->qid, target_qid);
        EXPECT_EQ(client.getattr(kTarget)->nlink, 0U);
        EXPECT_EQ(client.getattr(kTarget)->mode & S_IFMT, target);
      }
      EXPECT_TRUE(calls.remove(error != 0 ? target : source, "t", kB));
      EXPECT_TRUE(calls.names(kA).empty());
      EXPECT_TRUE(calls.names(kB).empty());
    }
  }
}

TEST_P(RenamePosix, EveryTypeToAFreeNameKeepsItsAttributes) {
  for (const std::uint32_t type : types()) {
    SCOPED_TRACE(name_of_type(type));
    ASSERT_TRUE(calls.make(type, "s", kA));
    ASSERT_TRUE(client.walk(kA, kSource, {"s"}));
    if (type != S_IFLNK) {
      ASSERT_TRUE(client.chmod(kSource, 01751));
    }
    const auto before = *client.getattr(kSource);
    EXPECT_TRUE(client.rename(kA, "s", kB, "t"));
    const auto after = *calls.stat("t", kB);
    EXPECT_EQ(after.qid, before.qid);
    EXPECT_EQ(after.mode, before.mode);
    EXPECT_EQ(after.rdev, before.rdev);
    EXPECT_EQ(after.mtime_nsec, before.mtime_nsec);
    EXPECT_TRUE(calls.remove(type, "t", kB));
  }
}

TEST_P(RenamePosix, TwoNamesOfOneInodeBothStay) {
  ASSERT_TRUE(calls.touch("one", "x", kA));
  ASSERT_TRUE(client.walk(kA, kSource, {"one"}));
  ASSERT_TRUE(client.chmod(kSource, 0705));
  ASSERT_TRUE(calls.link(kSource, "two", kB));
  EXPECT_TRUE(client.rename(kA, "one", kB, "two"));
  EXPECT_TRUE(client.rename(kA, "one", kA, "one"));
  EXPECT_EQ(client.getattr(kSource)->nlink, 2U);
  EXPECT_EQ(calls.stat("one", kA)->mode, S_IFREG | 0705U);
  EXPECT_EQ(calls.stat("two", kB)->mode, S_IFREG | 0705U);
}

TEST_P(RenamePosix, DirectoryNeverGoesBelowItself) {
  ASSERT_TRUE(calls.mkdir("sub", 0755, kA));
  ASSERT_TRUE(client.walk(kA, 20, {"sub"}));
  ASSERT_TRUE(calls.mkdir("subsub", 0755, 20));
  EXPECT_ERRNO(EINVAL, client.rename(0, "a", kA, "x"));
  EXPECT_ERRNO(EINVAL, client.rename(0, "a", kA, "sub"));
  EXPECT_ERRNO(EINVAL, client.rename(0, "a", 20, "subsub"));
  EXPECT_ERRNO(EINVAL, client.rename(0, "a", 20, "x"));
  // The other way: an ancestor is never empty.
  EXPECT_ERRNO(ENOTEMPTY, client.rename(20, "subsub", 0, "a"));
  EXPECT_ERRNO(ENOTEMPTY, client.rename(kA, "sub", 0, "a"));
  EXPECT_TRUE(client.rename(0, "a", 0, "a"));
  EXPECT_EQ(calls.names(0), (std::multiset<std::string>{"a", "b"}));
}

TEST_P(RenamePosix, DotsAndMissingNames) {
  ASSERT_TRUE(calls.touch("f", "", kA));
  ASSERT_TRUE(client.walk(kA, kSource, {"f"}));
  EXPECT_ERRNO(EINVAL, client.rename(kA, ".", kB, "x"));
  EXPECT_ERRNO(EINVAL, client.rename(kA, "..", kB, "x"));
  EXPECT_ERRNO(EINVAL, client.rename(0, "a", kB, "."));
  EXPECT_ERRNO(EINVAL, client.rename(0, "a", kB, ".."));
  EXPECT_ERRNO(ENOENT, client.rename(kA, "missing", kB, "x"));
  EXPECT_ERRNO(ENOTDIR, client.rename(kSource, "x", kB, "x"));
  EXPECT_ERRNO(ENOTDIR, client.rename(kA, "f", kSource, "x"));
  EXPECT_ERRNO(EBUSY, client.ask<wire::Rrename>(wire::Trename{.fid = 0, .dfid = kA, .name = "x"}));
  EXPECT_EQ(calls.names(kA), (std::multiset<std::string>{"f"}));
}

TEST_P(RenamePosix, FullDirectoryIsNotReplaced) {
  ASSERT_TRUE(calls.mkdir("s", 01700, kA));
  ASSERT_TRUE(calls.mkdir("t", 0711, kB));
  ASSERT_TRUE(client.walk(kB, kTarget, {"t"}));
  ASSERT_TRUE(calls.touch("f", "kept", kTarget));
  EXPECT_ERRNO(ENOTEMPTY, client.rename(kA, "s", kB, "t"));
  EXPECT_EQ(calls.stat("s", kA)->mode, S_IFDIR | 01700U);
  EXPECT_EQ(calls.stat("t", kB)->mode, S_IFDIR | 0711U);
  EXPECT_EQ(calls.stat("f", kTarget)->size, 4U);
  ASSERT_TRUE(client.unlink(kTarget, "f"));
  EXPECT_TRUE(client.rename(kA, "s", kB, "t"));
  EXPECT_EQ(calls.stat("t", kB)->mode, S_IFDIR | 01700U);
}

TEST_P(RenamePosix, DirectoryTakesItsContentAndItsParentAlong) {
  ASSERT_TRUE(calls.mkdir("s", 0755, kA));
  ASSERT_TRUE(client.walk(kA, kSource, {"s"}));
  ASSERT_TRUE(calls.touch("f", "content", kSource, 0751));
  ASSERT_TRUE(client.rename(kA, "s", kB, "t"));
  ASSERT_TRUE(client.walk(kB, 20, {"t", "f"}));
  EXPECT_EQ(client.getattr(20)->mode, S_IFREG | 0751U);
  ASSERT_TRUE(client.walk(kSource, 21, {".."}));
  EXPECT_EQ(client.getattr(21)->qid, client.getattr(kB)->qid);
  const auto entries = calls.list(kSource);
  for (const Entry& entry : *entries) {
    if (entry.name == "..") {
      EXPECT_EQ(entry.qid.path, client.getattr(kB)->qid.path);
    }
  }
}

}  // namespace
}  // namespace nineroot::test
