#include <gtest/gtest.h>

#include "server/serve.h"

namespace nineroot::server {
namespace {

TEST(ServeOptions, FastPathsAreOnUntilTheyAreSwitchedOff) {
  ServeOptions options;
  EXPECT_TRUE(options.fast_paths.keeps_inodes);
  EXPECT_GT(options.poll_us, 0U);
  ASSERT_TRUE(switch_off(options, ""));
  EXPECT_TRUE(options.fast_paths.keeps_inodes);
  ASSERT_TRUE(switch_off(options, "keep-inodes,poll"));
  EXPECT_FALSE(options.fast_paths.keeps_inodes);
  EXPECT_EQ(options.poll_us, 0U);
  EXPECT_TRUE(options.fast_paths.holds_readable);
  ASSERT_TRUE(switch_off(options, "hold-readable,share-reads,fine-ctime,close-at-once"));
  EXPECT_FALSE(options.fast_paths.holds_readable);
  EXPECT_FALSE(options.fast_paths.shares_reads);
  EXPECT_FALSE(options.fast_paths.trusts_fine_ctime);
  EXPECT_FALSE(options.fast_paths.closes_at_once);
}

TEST(ServeOptions, AnUnknownFastPathIsNamedWithThoseThatThereAre) {
  ServeOptions options;
  const auto refused = switch_off(options, "poll,pol");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().what(), "'pol' is no fast path");
  EXPECT_NE(refused.error().hint().find("keep-inodes"), std::string::npos);
}

}  // namespace
}  // namespace nineroot::server
