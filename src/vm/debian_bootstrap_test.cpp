#include "vm/debian_bootstrap.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nineroot::vm {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST(DebianCommand, WritesATarOfTheSuite) {
  const auto command =
      debian_command({.suite = "trixie", .mirrors = {"deb file:/srv trixie main"}});
  ASSERT_TRUE(command);
  EXPECT_EQ(command->front(), "mmdebstrap");
  EXPECT_THAT(*command, Contains("--format=tar"));
  EXPECT_THAT(*command, Contains("--variant=important"));
  const std::vector<std::string> last(command->end() - 3, command->end());
  EXPECT_THAT(last, testing::ElementsAre("trixie", "-", "deb file:/srv trixie main"));
}

TEST(DebianCommand, AsksForWhatBootsAndWhatWasWished) {
  const auto command = debian_command({.suite = "bookworm",
                                       .is_standard = true,
                                       .has_ssh_server = true,
                                       .include = {"vim", "g++"}});
  ASSERT_TRUE(command);
  EXPECT_THAT(*command, Contains("--variant=standard"));
  EXPECT_THAT(*command, Contains(AllOf(StartsWith("--include=linux-image-"), HasSubstr(",locales,"),
                                       HasSubstr(",systemd-resolved,"),
                                       HasSubstr(",openssh-server,vim,g++"))));
  EXPECT_THAT(*command, Contains(AllOf(StartsWith("--essential-hook="), HasSubstr("en_US.UTF-8"),
                                       HasSubstr("force_load 9pnet_virtio"))));
}

TEST(DebianCommand, LeavesOutWhatAnOldSuiteDoesNotHave) {
  const auto command = debian_command({.suite = "bullseye", .is_minimal = true});
  ASSERT_TRUE(command);
  EXPECT_THAT(*command, Not(Contains(HasSubstr("systemd-resolved"))));
  EXPECT_THAT(*command, Contains("--variant=minbase"));
}

TEST(DebianCommand, TakesNoOptionsForSuitesOrPackages) {
  for (const char* suite : {"", "--evil", "book worm", "a;b"}) {
    const auto command = debian_command({.suite = suite});
    ASSERT_FALSE(command) << suite;
    EXPECT_TRUE(command.error().is_usage());
  }
  EXPECT_FALSE(debian_command({.include = {"-x"}}));
  EXPECT_FALSE(debian_command({.include = {"a b"}}));
}

TEST(DebianPhase, IsReadFromWhatMmdebstrapSays) {
  EXPECT_EQ(debian_phase("I: downloading packages with apt..."), "downloading packages");
  EXPECT_EQ(debian_phase("I: chroot architecture amd64 is equal to the host's architecture"), "");
  EXPECT_EQ(debian_phase("W: something"), "");
}

}  // namespace
}  // namespace nineroot::vm
