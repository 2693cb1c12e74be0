#include "storage/extent_set.h"

#include <random>
#include <set>

#include <gtest/gtest.h>

namespace nineroot::storage {
namespace {

TEST(ExtentSet, CountsWhatIsNew) {
  ExtentSet set;
  EXPECT_EQ(set.add(100, 50), 50U);
  EXPECT_EQ(set.add(100, 50), 0U);
  EXPECT_EQ(set.add(120, 10), 0U);
  EXPECT_EQ(set.add(90, 20), 10U);
  EXPECT_EQ(set.add(200, 50), 50U);
  EXPECT_EQ(set.add(0, 1000), 1000U - 60U - 50U);
  EXPECT_EQ(set.add(1000, 1), 1U);
  EXPECT_EQ(set.add(0, 1001), 0U);
  EXPECT_EQ(set.add(7, 0), 0U);
}

TEST(ExtentSet, AgreesWithASetOfBytes) {
  std::mt19937 random(1);
  ExtentSet set;
  std::set<std::uint64_t> bytes;
  for (int i = 0; i < 2000; ++i) {
    const std::uint64_t start = random() % 5000;
    const std::uint64_t length = random() % 40;
    std::uint64_t fresh = 0;
    for (std::uint64_t at = start; at < start + length; ++at) {
      fresh += bytes.insert(at).second ? 1 : 0;
    }
    ASSERT_EQ(set.add(start, length), fresh) << start << " " << length;
  }
}

}  // namespace
}  // namespace nineroot::storage
