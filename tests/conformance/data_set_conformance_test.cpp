// The roots of data sets are to a guest what mount points are.
#include <fcntl.h>

#include <gtest/gtest.h>

#include "tests/support/served_tree.h"

namespace nineroot::test {
namespace {

class DataSetRoots : public testing::TestWithParam<fs::IdentityKind> {};

TEST_P(DataSetRoots, CanBeNeitherRemovedNorRenamedNorReplaced) {
  ServedTree served({.identity = GetParam(),
                     .data_sets = {"home", "var/log"},
                     .prepare = [](const std::filesystem::path& path) {
                       std::filesystem::create_directories(path / "home");
                       std::filesystem::create_directories(path / "var/log");
                       std::filesystem::create_directories(path / "other");
                     }});
  Client9p& client = served.client();
  ASSERT_TRUE(client.walk(0, 1, {"var"}));
  EXPECT_EQ(client.unlink(0, "home", AT_REMOVEDIR).error(), Errno{EBUSY});
  EXPECT_EQ(client.unlink(1, "log", AT_REMOVEDIR).error(), Errno{EBUSY});
  EXPECT_EQ(client.rename(0, "home", 0, "elsewhere").error(), Errno{EBUSY});
  EXPECT_EQ(client.rename(1, "log", 0, "log").error(), Errno{EBUSY});
  EXPECT_EQ(client.rename(0, "other", 0, "home").error(), Errno{EBUSY});
  EXPECT_TRUE(client.rename(0, "other", 0, "another"));
  EXPECT_TRUE(client.unlink(0, "another", AT_REMOVEDIR));
  ASSERT_TRUE(client.walk(0, 2, {"home"}));
  EXPECT_TRUE(client.create(2, 3, "file", O_RDWR, 0600, 0));
  EXPECT_TRUE(client.unlink(2, "file"));
}

INSTANTIATE_TEST_SUITE_P(Every, DataSetRoots,
                         testing::Values(fs::IdentityKind::mapped_xattr,
                                         fs::IdentityKind::mapped_file,
                                         fs::IdentityKind::passthrough, fs::IdentityKind::none),
                         [](const auto& instance) { return name_of(instance.param); });

TEST(DataSetRoots, MustBeThere) {
  TempDir dir;
  UniqueFd root(::open(dir.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const auto tree = fs::Tree::open(std::move(root), {.data_sets = {"home"}});
  ASSERT_FALSE(tree);
  EXPECT_NE(tree.error().text().find("/home"), std::string::npos);
}

}  // namespace
}  // namespace nineroot::test
