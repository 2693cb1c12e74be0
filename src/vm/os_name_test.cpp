#include "vm/os_name.h"

#include <fstream>

#include <gtest/gtest.h>

#include "storage/scratch_directory.h"

namespace nineroot::vm {
namespace {

TEST(OsRelease, ReadsQuotedAndPlainValues) {
  constexpr std::string_view kText =
      "NAME=\"Debian GNU/Linux\"\nXNAME=no\nVERSION='12 "
      "\"x\"'\nID=debian\nESC=\"a\\\"b\\$\"\nLAST=end";
  EXPECT_EQ(os_release_value(kText, "NAME"), "Debian GNU/Linux");
  EXPECT_EQ(os_release_value(kText, "VERSION"), "12 \"x\"");
  EXPECT_EQ(os_release_value(kText, "ID"), "debian");
  EXPECT_EQ(os_release_value(kText, "ESC"), "a\"b$");
  EXPECT_EQ(os_release_value(kText, "LAST"), "end");
  EXPECT_EQ(os_release_value(kText, "I"), "");
}

TEST(OsName, IsReadFromTheTreeAndMadeHarmless) {
  const storage::ScratchDirectory scratch;
  std::filesystem::create_directories(scratch.path() / "usr/lib");
  std::ofstream(scratch.path() / "usr/lib/os-release") << "PRETTY_NAME=\"Bad \x1b[31m OS\"\n";
  const Outcome<storage::GuestTree> tree =
      storage::GuestTree::open(scratch.path(), storage::Layout::plain);
  ASSERT_TRUE(tree);
  EXPECT_EQ(os_name(*tree), "Bad ?[31m OS");
}

}  // namespace
}  // namespace nineroot::vm
