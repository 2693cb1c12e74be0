// The size of a file that the client itself is writing to: Linux takes each size it is told for the
// truth, over what it has in its page cache.
#include "tests/conformance/conformance.h"

namespace nineroot::test {
namespace {

/// What Linux asks for when it looks a file up; stat(2) of one that it knows asks for everything.
constexpr std::uint64_t kOfLookup = wire::kGetattrBasic | wire::kGetattrGen;

class WrittenSize : public ConformanceTest {
 protected:
  bool is_told(std::uint32_t fid, std::uint64_t mask = wire::kGetattrAll) {
    const auto answer = client.getattr(fid, mask);
    return answer && (answer->valid & wire::kGetattrSize) != 0;
  }
};
INSTANTIATE_TEST_SUITE_P(Every, WrittenSize, every_case(), name_of_case);

TEST_P(WrittenSize, IsNotToldWhileTheClientWrites) {
  ASSERT_TRUE(client.create(0, 1, "f", O_WRONLY, 0644, 0));
  ASSERT_TRUE(client.walk(0, 2, {"f"}));
  EXPECT_FALSE(is_told(2));
  ASSERT_TRUE(client.write(1, 0, std::string(5'000, 'y')));
  EXPECT_FALSE(is_told(2));
  EXPECT_FALSE(is_told(1));
  ASSERT_TRUE(client.truncate(2, 100));
  EXPECT_FALSE(is_told(2));
  // All else is.
  const auto answer = client.getattr(2);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->valid & wire::kGetattrBasic, wire::kGetattrBasic & ~wire::kGetattrSize);
}

TEST_P(WrittenSize, IsToldToALookup) {
  ASSERT_TRUE(client.create(0, 1, "f", O_RDWR, 0644, 0));
  ASSERT_TRUE(client.write(1, 0, std::string(5'000, 'y')));
  ASSERT_TRUE(client.walk(0, 2, {"f"}));
  EXPECT_TRUE(is_told(2, kOfLookup));
  EXPECT_EQ(client.getattr(2, kOfLookup)->size, 5'000U);
}

TEST_P(WrittenSize, IsToldWhenTheHostMadeIt) {
  ASSERT_TRUE(client.create(0, 1, "f", O_RDWR, 0644, 0));
  ASSERT_TRUE(client.write(1, 0, std::string(5'000, 'y')));
  for (const std::uint64_t size : {100U, 9'000U}) {
    std::filesystem::resize_file(served.path() / "f", size);
    const auto answer = client.getattr(1);
    ASSERT_TRUE(answer);
    EXPECT_NE(answer->valid & wire::kGetattrSize, 0U);
    EXPECT_EQ(answer->size, size);
    EXPECT_FALSE(is_told(1)) << "news once";
  }
}

TEST_P(WrittenSize, IsToldOfFilesThatAreNotWrittenTo) {
  make_file("f", std::string(10'000, 'x'));
  ASSERT_TRUE(client.walk(0, 1, {"f"}));
  EXPECT_TRUE(is_told(1));
  ASSERT_TRUE(client.walk(1, 2));
  ASSERT_TRUE(client.open(2, O_RDONLY));
  EXPECT_TRUE(is_told(1));
  // Two that write: the last decides.
  ASSERT_TRUE(client.walk(1, 3));
  ASSERT_TRUE(client.open(3, O_RDWR));
  ASSERT_TRUE(client.walk(1, 4));
  ASSERT_TRUE(client.open(4, O_WRONLY));
  EXPECT_FALSE(is_told(1));
  ASSERT_TRUE(client.clunk(3));
  EXPECT_FALSE(is_told(1));
  ASSERT_TRUE(client.clunk(4));
  EXPECT_TRUE(is_told(1));
}

TEST_P(WrittenSize, IsToldOfDirectories) {
  EXPECT_TRUE(is_told(0));
}

}  // namespace
}  // namespace nineroot::test
