#include "vm/boot_options.h"

#include <sys/xattr.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "storage/scratch_directory.h"

namespace nineroot::vm {
namespace {

TEST(BootOptions, ReadSizesOfMemory) {
  EXPECT_EQ(parse_memory("2048"), 2048U);
  EXPECT_EQ(parse_memory("512M"), 512U);
  EXPECT_EQ(parse_memory("2G"), 2048U);
  EXPECT_EQ(parse_memory("1GiB"), 1024U);
  for (const char* bad : {"", "M", "63", "2T", "2.5G", "-1", "4294967295G", "2 G", "99999999999"}) {
    EXPECT_EQ(parse_memory(bad), std::nullopt) << bad;
  }
}

TEST(BootOptions, StandOverTheSettings) {
  Machine machine{.name = "deb", .directory = "/m", .root = "/m/root", .settings = {}};
  machine.settings.cpus = 3;
  machine.settings.append = "quiet";
  BootOptions options;
  options.memory_mib = 512;
  options.cache = "loose";
  options.append = "debug";
  const Outcome<Settings> settings = effective_settings(machine, options);
  ASSERT_TRUE(settings) << settings.error().text();
  EXPECT_EQ(settings->memory_mib, 512U);
  EXPECT_EQ(settings->cpus, 3U);
  EXPECT_EQ(settings->cache, "loose");
  EXPECT_EQ(settings->append, "quiet debug");
}

TEST(BootOptions, NameAGuestOnlyBesideOthers) {
  Machine machine{.name = "deb", .directory = "/m", .root = "/m/root", .settings = {}};
  EXPECT_EQ(tree_use(machine, {}), TreeUse::alone);
  EXPECT_EQ(tree_use(machine, {.is_shared = true}), TreeUse::together);
  EXPECT_EQ(tree_use(machine, {.is_read_only = true}), TreeUse::together);
  machine.run = "b";
  const Outcome<TreeUse> named = tree_use(machine, {});
  ASSERT_FALSE(named);
  EXPECT_TRUE(named.error().is_usage());
  EXPECT_NE(named.error().hint().find("--shared"), std::string::npos);
  machine.settings.is_shared = true;
  EXPECT_EQ(tree_use(machine, {}), TreeUse::together);
  machine.settings.identity = "mapped-file";
  EXPECT_FALSE(tree_use(machine, {}));
  EXPECT_EQ(tree_use(machine, {.is_read_only = true}), TreeUse::together);
  machine.run.clear();
  EXPECT_EQ(tree_use(machine, {}), TreeUse::alone);
}

TEST(BootOptions, NeverLeaveTheCpusToNobody) {
  const Machine machine{.name = "deb", .directory = "/m", .root = "/m/root", .settings = {}};
  const Outcome<Settings> settings = effective_settings(machine, {});
  ASSERT_TRUE(settings);
  EXPECT_GE(settings->cpus, 1U);
  EXPECT_LE(settings->cpus, 4U);
}

TEST(BootOptions, RefuseWhatIsNotACacheModeOrAnIdentity) {
  const Machine machine{.name = "deb", .directory = "/m", .root = "/m/root", .settings = {}};
  BootOptions options;
  options.cache = "fast";
  EXPECT_TRUE(effective_settings(machine, options).error().is_usage());
  options.cache.clear();
  options.identity = "mapped";
  EXPECT_TRUE(effective_settings(machine, options).error().is_usage());
}

TEST(BootOptions, RefuseASharedTreeThatIsCachedLoosely) {
  const Machine machine{.name = "deb", .directory = "/m", .root = "/m/root", .settings = {}};
  BootOptions options;
  options.is_shared = true;
  EXPECT_TRUE(effective_settings(machine, options)->is_shared);
  options.cache = "loose";
  EXPECT_TRUE(effective_settings(machine, options).error().is_usage());
}

TEST(BootOptions, ShowAnOrdinaryUsersPlainTreeAsRoots) {
  const storage::ScratchDirectory scratch;
  const Machine machine{
      .name = scratch.path().string(), .directory = {}, .root = scratch.path(), .settings = {}};
  const std::vector<std::string> expected =
      ::geteuid() == 0 ? std::vector<std::string>{} : std::vector<std::string>{"squash-owner"};
  EXPECT_EQ(effective_settings(machine, {})->map, expected);
  // The same after a guest has made something.
  std::filesystem::create_directory(scratch.path() / "etc");
  std::filesystem::create_directory(scratch.path() / "new");
  const std::uint32_t mode = 040755;
  const std::uint32_t uid = 0;
  for (const char* name : {"user.virtfs.mode", "user.virtfs.uid"}) {
    const std::uint32_t& value = name == std::string_view("user.virtfs.uid") ? uid : mode;
    ASSERT_EQ(::setxattr((scratch.path() / "new").c_str(), name, &value, sizeof value, 0), 0);
  }
  EXPECT_EQ(effective_settings(machine, {})->map, expected);
  BootOptions options;
  options.map = {"map:0:1000:1"};
  EXPECT_EQ(effective_settings(machine, options)->map, options.map);
}

TEST(BootOptions, FindOutHowABareTreeIsLaidOut) {
  const storage::ScratchDirectory scratch;
  const Machine machine{
      .name = scratch.path().string(), .directory = {}, .root = scratch.path(), .settings = {}};
  EXPECT_EQ(effective_settings(machine, {})->identity,
            ::geteuid() == 0 ? "passthrough" : "mapped-xattr");
  std::filesystem::create_directory(scratch.path() / ".virtfs_metadata");
  EXPECT_EQ(effective_settings(machine, {})->identity, "mapped-file");
}

}  // namespace
}  // namespace nineroot::vm
