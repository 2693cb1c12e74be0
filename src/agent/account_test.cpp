#include "agent/account.h"

#include <gtest/gtest.h>

#include "agent/environment.h"

namespace nineroot::agent {
namespace {

constexpr std::string_view kPasswd =
    "root:x:0:0:root:/root:/bin/bash\n"
    "broken\n"
    "nouid:x::5::/:\n"
    "minus:x:4294967295:1::/:\n"
    "alice:x:1000:1001:Alice,,,:/home/alice:/bin/zsh\n"
    "twin:x:1000:1000::/twin:/bin/sh\n"
    "bare:x:1002:1002:::\n"
    "77:x:1003:1003::/77:/bin/sh";

TEST(Account, IsFoundByNameAndByNumber) {
  const Account alice = find_account(kPasswd, "alice").value();
  EXPECT_EQ(alice.uid, 1000U);
  EXPECT_EQ(alice.gid, 1001U);
  EXPECT_EQ(alice.home, "/home/alice");
  EXPECT_EQ(alice.shell, "/bin/zsh");
  EXPECT_EQ(find_account(kPasswd, "1000").value().name, "alice");
  EXPECT_EQ(find_account(kPasswd, "77").value().uid, 1003U);
}

TEST(Account, IsRootWhenNoneIsAskedFor) {
  EXPECT_EQ(find_account(kPasswd, "").value().shell, "/bin/bash");
  EXPECT_EQ(find_account("", "").value().home, "/root");
  EXPECT_EQ(find_account("", "").value().uid, 0U);
}

TEST(Account, WithoutHomeOrShellHasDefaults) {
  EXPECT_EQ(find_account(kPasswd, "bare").value().home, "/");
  EXPECT_EQ(find_account(kPasswd, "bare").value().shell, "/bin/sh");
}

TEST(Account, ThatIsNotThereIsNothingUnlessItIsANumber) {
  EXPECT_FALSE(find_account(kPasswd, "bob"));
  EXPECT_FALSE(find_account(kPasswd, "broken"));
  EXPECT_FALSE(find_account(kPasswd, "nouid"));
  EXPECT_FALSE(find_account(kPasswd, "minus"));
  EXPECT_FALSE(find_account(kPasswd, "4294967295"));
  EXPECT_FALSE(find_account(kPasswd, "99999999999"));
  EXPECT_FALSE(find_account(kPasswd, "-1"));
  EXPECT_EQ(find_account(kPasswd, "4242").value().gid, 4242U);
}

TEST(Account, HasTheGroupsThatNameIt) {
  constexpr std::string_view kGroup =
      "root:x:0:\naudio:x:29:bob,alice\nalice:x:1001:alice\nvideo:x:44:alice2,xalice\n"
      "bad:x:y:alice\nsudo:x:27:alice";
  EXPECT_EQ(groups_of(kGroup, find_account(kPasswd, "alice").value()),
            (std::vector<gid_t>{1001, 29, 27}));
  EXPECT_EQ(groups_of(kGroup, find_account(kPasswd, "4242").value()), std::vector<gid_t>{4242});
}

TEST(Environment, IsThatOfALogin) {
  const std::vector<std::string> lines =
      compose_environment(find_account(kPasswd, "alice").value(),
                          "# a comment\nLANG=\"en_US.UTF-8\"\nLC_TIME=C\nPATH=/evil\n", {});
  EXPECT_EQ(lines, (std::vector<std::string>{
                       "HOME=/home/alice", "LANG=en_US.UTF-8", "LC_TIME=C", "LOGNAME=alice",
                       "PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games:/usr/sbin:"
                       "/sbin",
                       "SHELL=/bin/zsh", "USER=alice"}));
}

TEST(Environment, YieldsToWhatIsAskedFor) {
  const std::vector<std::string> lines =
      compose_environment(Account{.name = "", .uid = 5, .gid = 5, .home = "/", .shell = "/bin/sh"},
                          "", {"PATH=/bin", "A=1", "A=2=3", "novalue", "=noname"});
  EXPECT_EQ(lines, (std::vector<std::string>{"A=2=3", "HOME=/", "PATH=/bin", "SHELL=/bin/sh"}));
}

}  // namespace
}  // namespace nineroot::agent
