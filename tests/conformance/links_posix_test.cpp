// Link counts, and what can have a second name.
#include "tests/conformance/posix.h"

namespace nineroot::test {
namespace {

using LinksPosix = PosixTest;
INSTANTIATE_TEST_SUITE_P(Every, LinksPosix, every_identity(), name_of_identity);

/// btrfs says 1 for every directory, whatever is in it.
bool host_counts_subdirectories(const std::filesystem::path& directory) {
  struct stat info{};
  return ::stat(directory.c_str(), &info) == 0 && info.st_nlink >= 2;
}

TEST_P(LinksPosix, EverythingButADirectoryCanHaveTwoNames) {
  for (const std::uint32_t type : types()) {
    SCOPED_TRACE(name_of_type(type));
    ASSERT_TRUE(calls.make(type, "one"));
    ASSERT_TRUE(client.walk(0, 1, {"one"}));
    if (type == S_IFDIR) {
      EXPECT_ERRNO(EPERM, calls.link(1, "two"));
      EXPECT_TRUE(calls.remove(type, "one"));
      continue;
    }
    ASSERT_TRUE(calls.link(1, "two"));
    EXPECT_ERRNO(EEXIST, calls.link(1, "two"));
    EXPECT_ERRNO(EEXIST, calls.link(1, "one"));
    const auto one = *calls.stat("one");
    const auto two = *calls.stat("two");
    EXPECT_EQ(one.nlink, 2U);
    EXPECT_EQ(one.qid, two.qid);
    EXPECT_EQ(one.mode, two.mode);
    EXPECT_EQ(one.rdev, two.rdev);
    EXPECT_TRUE(client.unlink(0, "one"));
    EXPECT_EQ(client.getattr(1)->nlink, 1U);
    EXPECT_EQ(calls.stat("two")->mode, two.mode);
    EXPECT_EQ(client.getattr(1)->mode, two.mode);
    EXPECT_TRUE(client.unlink(0, "two"));
    EXPECT_EQ(client.getattr(1)->nlink, 0U);
  }
}

TEST_P(LinksPosix, LinkFromAFidWhoseNameIsGoneKeepsTheAttributes) {
  ASSERT_TRUE(calls.touch("one", "x", 0, 0751));
  ASSERT_TRUE(client.walk(0, 1, {"one"}));
  if (has_owners()) {
    ASSERT_TRUE(calls.chown(1, 1234, 5678));
  }
  ASSERT_TRUE(calls.link(1, "two"));
  ASSERT_TRUE(client.unlink(0, "one"));
  ASSERT_TRUE(client.unlink(0, "two"));
  EXPECT_ERRNO(ENOENT, calls.link(1, "three"));
  // Another name is left, but not the one that the fid is known by.
  ASSERT_TRUE(calls.touch("four", "x", 0, 0751));
  ASSERT_TRUE(client.walk(0, 2, {"four"}));
  if (has_owners()) {
    ASSERT_TRUE(calls.chown(2, 1234, 5678));
  }
  ASSERT_TRUE(calls.link(2, "five"));
  ASSERT_TRUE(client.unlink(0, "four"));
  ASSERT_TRUE(calls.link(2, "six"));
  EXPECT_EQ(calls.stat("six")->nlink, 2U);
  EXPECT_EQ(calls.stat("six")->mode, S_IFREG | 0751U);
  if (has_owners()) {
    EXPECT_EQ(calls.stat("six")->uid, 1234U);
    EXPECT_EQ(calls.stat("six")->gid, 5678U);
  }
  // And they go on sharing.
  ASSERT_TRUE(client.walk(0, 3, {"six"}));
  ASSERT_TRUE(client.chmod(3, 0700));
  EXPECT_EQ(calls.stat("five")->mode, S_IFREG | 0700U);
}

TEST_P(LinksPosix, DirectoriesCountTheirSubdirectories) {
  ASSERT_TRUE(calls.mkdir("d"));
  ASSERT_TRUE(client.walk(0, 1, {"d"}));
  if (!host_counts_subdirectories(served.path() / "d")) {
    GTEST_SKIP() << "the host's file system does not count subdirectories";
  }
  EXPECT_EQ(client.getattr(1)->nlink, 2U);
  ASSERT_TRUE(calls.touch("f", "", 1));
  EXPECT_EQ(client.getattr(1)->nlink, 2U);
  for (const char* name : {"x", "y", "z"}) {
    ASSERT_TRUE(calls.mkdir(name, 0755, 1));
  }
  EXPECT_EQ(client.getattr(1)->nlink, 5U);
  EXPECT_EQ(calls.stat("d")->nlink, 5U);
  ASSERT_TRUE(calls.remove(S_IFDIR, "z", 1));
  ASSERT_TRUE(calls.mkdir("e"));
  ASSERT_TRUE(client.walk(0, 2, {"e"}));
  ASSERT_TRUE(client.rename(1, "y", 2, "y"));
  EXPECT_EQ(client.getattr(1)->nlink, 3U);
  EXPECT_EQ(client.getattr(2)->nlink, 3U);
  ASSERT_TRUE(calls.remove(S_IFDIR, "x", 1));
  ASSERT_TRUE(client.unlink(1, "f"));
  ASSERT_TRUE(calls.remove(S_IFDIR, "d"));
  EXPECT_EQ(client.getattr(1)->nlink, 0U);
}

TEST_P(LinksPosix, AThousandNamesOfOneFile) {
  ASSERT_TRUE(calls.touch("f", "", 0, 0741));
  ASSERT_TRUE(client.walk(0, 1, {"f"}));
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(calls.link(1, std::to_string(i)));
  }
  EXPECT_EQ(client.getattr(1)->nlink, 1001U);
  ASSERT_TRUE(client.unlink(0, "f"));
  ASSERT_TRUE(client.chmod(1, 0600));
  for (int i = 0; i < 1000; ++i) {
    const auto attr = calls.stat(std::to_string(i));
    ASSERT_EQ(attr->mode, S_IFREG | 0600U);
    ASSERT_TRUE(client.unlink(0, std::to_string(i)));
  }
  EXPECT_EQ(client.getattr(1)->nlink, 0U);
}

}  // namespace
}  // namespace nineroot::test
