#include "vm/dataset/pool.h"

#include <gtest/gtest.h>

#include "storage/scratch_directory.h"

namespace nineroot::vm {
namespace {

TEST(Pool, ReadsSizes) {
  EXPECT_EQ(parse_size("20G"), std::uint64_t{20} << 30U);
  EXPECT_EQ(parse_size("1.5k"), 1536U);
  EXPECT_EQ(parse_size("512MiB"), std::uint64_t{512} << 20U);
  EXPECT_EQ(parse_size("512MB"), std::uint64_t{512} << 20U);
  EXPECT_EQ(parse_size("4096"), 4096U);
  for (const char* text : {"", "G", "-1", "0", "1X", "1GG", "nan", "inf", "1e30", "12 G"}) {
    const auto size = parse_size(text);
    ASSERT_FALSE(size) << text << " " << *size;
    EXPECT_TRUE(size.error().is_usage());
  }
}

TEST(Pool, IsAnOrdinaryDirectoryToo) {
  const storage::ScratchDirectory scratch;
  const auto pool = init_pool({.directory = scratch.path() / "pool"});
  ASSERT_TRUE(pool) << pool.error().text();
  EXPECT_TRUE(std::filesystem::is_directory(scratch.path() / "pool/machines"));
  EXPECT_TRUE(init_pool({.directory = scratch.path() / "pool"}));
}

TEST(Pool, LeavesNothingOfALoopThatCannotBe) {
  const storage::ScratchDirectory scratch;
  const auto pool = init_pool({.directory = scratch.path() / "pool", .loop_size = 1000});
  ASSERT_FALSE(pool);
  EXPECT_TRUE(std::filesystem::is_empty(scratch.path()));
}

TEST(Pool, NeedsAPlace) {
  const storage::ScratchDirectory scratch;
  const auto pool = init_pool({.directory = scratch.path() / "none/pool"});
  ASSERT_FALSE(pool);
  EXPECT_NE(pool.error().text().find("hint:"), std::string::npos);
}

}  // namespace
}  // namespace nineroot::vm
