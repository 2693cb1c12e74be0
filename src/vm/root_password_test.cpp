#include "vm/root_password.h"

#include <crypt.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/scratch_directory.h"

namespace nineroot::vm {
namespace {

using storage::GuestTree;
using storage::Layout;

class RootPassword : public testing::Test {
 protected:
  RootPassword() : tree_(GuestTree::open(scratch_.path(), Layout::mapped_xattr).value()) {
    EXPECT_TRUE(tree_.make_directories("/etc"));
  }

  void shadow(const std::string& text) const { ASSERT_TRUE(tree_.write_file("/etc/shadow", text)); }

  storage::ScratchDirectory scratch_;
  GuestTree tree_;
};

TEST(PasswordHash, IsOneThatCryptAccepts) {
  const auto hash = hash_password("correct horse");
  ASSERT_TRUE(hash) << hash.error().text();
  crypt_data data{};
  EXPECT_EQ(*hash, ::crypt_r("correct horse", hash->c_str(), &data));
  EXPECT_NE(*hash, ::crypt_r("wrong", hash->c_str(), &data));
  EXPECT_NE(*hash, *hash_password("correct horse"));
}

TEST(PasswordHash, IsRefusedForWhatNobodyCanType) {
  EXPECT_FALSE(hash_password(""));
  EXPECT_FALSE(hash_password("two\nlines"));
  EXPECT_FALSE(hash_password(std::string(5000, 'x')));
}

TEST_F(RootPassword, IsSetInRootsLineAlone) {
  shadow("daemon:*:1:0:99999:7:::\nroot:*:2:0:99999:7:::\nroots:*:3::::::\n");
  ASSERT_TRUE(set_root_password(tree_, "$y$hash"));
  EXPECT_THAT(*tree_.read_file("/etc/shadow"),
              testing::MatchesRegex("daemon:\\*:1:0:99999:7:::\nroot:\\$y\\$hash:[0-9]+:0:99999:7"
                                    ":::\nroots:\\*:3::::::\n"));
}

TEST_F(RootPassword, NeedsARootToBelongTo) {
  EXPECT_FALSE(set_root_password(tree_, "h"));
  shadow("daemon:*:1:0:99999:7:::\n");
  EXPECT_FALSE(set_root_password(tree_, "h"));
  shadow("");
  EXPECT_FALSE(set_root_password(tree_, "h"));
}

TEST_F(RootPassword, IsToldFromALock) {
  EXPECT_FALSE(has_root_password(tree_));
  shadow("root:*:1::::::\n");
  EXPECT_FALSE(has_root_password(tree_));
  shadow("root:!$y$x:1::::::\n");
  EXPECT_FALSE(has_root_password(tree_));
  shadow("root::1::::::\n");
  EXPECT_TRUE(has_root_password(tree_));
  shadow("root:$y$x:1::::::");
  EXPECT_TRUE(has_root_password(tree_));
}

}  // namespace
}  // namespace nineroot::vm
