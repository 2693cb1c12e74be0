// A file that the host makes shorter while a client knows its old size.
#include "tests/conformance/conformance.h"

namespace nineroot::test {
namespace {

using ShrunkenFile = ConformanceTest;
INSTANTIATE_TEST_SUITE_P(Every, ShrunkenFile, every_case(), name_of_case);

TEST_P(ShrunkenFile, ReadsBehindTheNewEndFailUntilTheClientKnowsIt) {
  make_file("f", std::string(10'000, 'x'));
  ASSERT_TRUE(client.walk(0, 1, {"f"}));
  ASSERT_EQ(client.getattr(1)->size, 10'000U);
  ASSERT_TRUE(client.walk(1, 2));
  ASSERT_TRUE(client.open(2, O_RDONLY));
  EXPECT_EQ(client.read(2, 10'000, 10), "");
  std::filesystem::resize_file(served.path() / "f", 100);
  EXPECT_EQ(client.read(2, 0, 8000)->size(), 100U);
  EXPECT_ERRNO(ESTALE, client.read(2, 100, 8000));
  EXPECT_ERRNO(ESTALE, client.read(2, 9'999, 1));
  EXPECT_EQ(client.read(2, 10'000, 10), "");
  // By any fid of the inode.
  ASSERT_EQ(client.getattr(1)->size, 100U);
  EXPECT_EQ(client.read(2, 100, 8000), "");
}

TEST_P(ShrunkenFile, ItsOwnTruncationIsNoSurprise) {
  make_file("f", std::string(10'000, 'x'));
  ASSERT_TRUE(client.walk(0, 1, {"f"}));
  ASSERT_EQ(client.getattr(1)->size, 10'000U);
  ASSERT_TRUE(client.walk(1, 2));
  ASSERT_TRUE(client.open(2, O_RDWR));
  ASSERT_TRUE(client.truncate(2, 100));
  EXPECT_EQ(client.read(2, 100, 10), "");
  ASSERT_TRUE(client.walk(0, 3, {"f"}));
  ASSERT_TRUE(client.truncate(3, 50));
  EXPECT_EQ(client.read(2, 50, 10), "");
  ASSERT_TRUE(client.walk(1, 4));
  ASSERT_TRUE(client.open(4, O_RDWR | 01000 /* O_TRUNC */));
  EXPECT_EQ(client.read(2, 0, 10), "");
}

TEST_P(ShrunkenFile, NoFidKnowsASizeAnyMoreOnceTheLastIsGone) {
  make_file("f", std::string(10'000, 'x'));
  ASSERT_TRUE(client.walk(0, 1, {"f"}));
  ASSERT_EQ(client.getattr(1)->size, 10'000U);
  ASSERT_TRUE(client.clunk(1));
  std::filesystem::resize_file(served.path() / "f", 100);
  ASSERT_TRUE(client.walk(0, 1, {"f"}));
  ASSERT_TRUE(client.open(1, O_RDONLY));
  EXPECT_EQ(client.read(1, 100, 10), "");
}

TEST_P(ShrunkenFile, WritesCountAsKnown) {
  ASSERT_TRUE(client.create(0, 1, "f", O_RDWR, 0644, 0));
  ASSERT_TRUE(client.write(1, 0, std::string(5'000, 'y')));
  std::filesystem::resize_file(served.path() / "f", 0);
  EXPECT_ERRNO(ESTALE, client.read(1, 10, 10));
  EXPECT_EQ(client.getattr(1)->size, 0U);
  EXPECT_EQ(client.read(1, 10, 10), "");
}

}  // namespace
}  // namespace nineroot::test
