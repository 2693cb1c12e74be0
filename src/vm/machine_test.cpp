#include "vm/machine.h"

#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/scratch_directory.h"

namespace nineroot::vm {
namespace {

namespace fs = std::filesystem;
using storage::ScratchDirectory;
using testing::HasSubstr;

class MachineHome : public testing::Test {
 protected:
  MachineHome() { ::setenv("NINEROOT_HOME", scratch_.path().c_str(), 1); }

  ~MachineHome() override { ::unsetenv("NINEROOT_HOME"); }

  void make(const std::string& name, const std::string& settings) const {
    const fs::path directory = scratch_.path() / "machines" / name;
    fs::create_directories(directory / "root");
    std::ofstream(directory / "machine.toml") << settings;
  }

  ScratchDirectory scratch_;
};

TEST(Settings, SurviveWritingAndReading) {
  const Settings written{.memory_mib = 512,
                         .cpus = 3,
                         .cache = "loose",
                         .identity = "mapped-file",
                         .map = {"squash-owner", "uid:map:0:1:2"},
                         .multidevs = "warn",
                         .is_shared = true,
                         .append = "quiet a=\"b c\" \\ \n",
                         .source = "debian:bookworm",
                         .created = "2026-11-24T10:00:00Z"};
  const auto read = Settings::parse(written.to_toml(), "machine.toml");
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(read->memory_mib, 512U);
  EXPECT_EQ(read->cpus, 3U);
  EXPECT_EQ(read->cache, "loose");
  EXPECT_EQ(read->identity, "mapped-file");
  EXPECT_EQ(read->append, written.append);
  EXPECT_EQ(read->map, written.map);
  EXPECT_EQ(read->multidevs, written.multidevs);
  EXPECT_EQ(read->is_shared, written.is_shared);
  EXPECT_EQ(read->source, written.source);
  EXPECT_EQ(read->created, written.created);
}

TEST(Settings, SurviveNamesThatAreNoUtf8) {
  const auto there_and_back = [](const std::string& source) {
    Settings settings;
    settings.source = source;
    const auto read = Settings::parse(settings.to_toml(), "machine.toml");
    return read ? read->source : read.error().text();
  };
  const std::string cut_off = "\xe2\x82";
  for (const std::string& bytes :
       {cut_off, cut_off + "x", std::string("\xff/x"), std::string("\xc0\xaf"),
        std::string("\xed\xa0\x80"), std::string("\xf5\x80\x80\x80")}) {
    EXPECT_THAT(there_and_back("/a" + bytes), testing::StartsWith("/a\xef\xbf\xbd"));
  }
  const std::string whole = "\xc3\xa4\xe2\x82\xac\xf0\x9f\x99\x82\xf4\x8f\xbf\xbf";
  EXPECT_EQ(there_and_back(whole), whole);
}

TEST(Settings, HaveDefaultsForMissingKeys) {
  const auto read = Settings::parse("cpus = 2\n", "machine.toml");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->memory_mib, Settings{}.memory_mib);
  EXPECT_EQ(read->cpus, 2U);
}

TEST(Settings, NameTheLineOfWhatIsWrong) {
  const auto failing = [](const char* text) {
    const auto read = Settings::parse(text, "m.toml");
    return read ? std::string("no failure") : read.error().what();
  };
  EXPECT_EQ(failing("cpus = 1\nmemroy_mib = 5\n"), "m.toml, line 2: unknown key 'memroy_mib'");
  EXPECT_THAT(failing("memory_mib = \"2G\"\n"), HasSubstr("line 1: memory_mib must be a whole"));
  EXPECT_THAT(failing("memory_mib = 1\n"), HasSubstr("from 64 to"));
  EXPECT_THAT(failing("\n\ncache = \"fast\"\n"), HasSubstr("line 3: cache must be \"mmap\""));
  EXPECT_THAT(failing("cpus = = 1\n"), HasSubstr("line 1"));
}

TEST(MachineName, IsHeldToItsRule) {
  for (const char* good : {"web", "a", "Web-2.test_x", "0"}) {
    EXPECT_TRUE(check_machine_name(good)) << good;
  }
  for (const std::string& bad :
       {std::string(), std::string(".web"), std::string("-web"), std::string("a b"),
        std::string("a/b"), std::string("ü"), std::string(65, 'a')}) {
    const auto checked = check_machine_name(bad);
    ASSERT_FALSE(checked) << bad;
    EXPECT_TRUE(checked.error().is_usage());
  }
}

TEST_F(MachineHome, ListsTheOthersWhenOneCannotBeRead) {
  make("bad", "memory_mib = \n");
  make("good", "");
  const auto machines = list_machines();
  ASSERT_TRUE(machines) << machines.error().text();
  ASSERT_EQ(machines->size(), 1U);
  EXPECT_EQ(machines->front().name, "good");
}

TEST_F(MachineHome, TellsTheGuestsOfOneTreeApartByName) {
  make("web", "");
  EXPECT_EQ(find_machine("web", "b")->run, "b");
  EXPECT_EQ(find_machine("web", "b")->words(), "web --name b");
  EXPECT_EQ(find_machine("web")->words(), "web");
  for (const char* bad : {".b", "a/b", "17-letters-are-too", "@b"}) {
    const auto refused = find_machine("web", bad);
    ASSERT_FALSE(refused) << bad;
    EXPECT_TRUE(refused.error().is_usage());
  }
}

TEST_F(MachineHome, HoldsMachinesByName) {
  make("web", "memory_mib = 256\n");
  const auto machine = find_machine("web");
  ASSERT_TRUE(machine) << machine.error().text();
  EXPECT_EQ(machine->name, "web");
  EXPECT_EQ(machine->root, scratch_.path() / "machines/web/root");
  EXPECT_EQ(machine->settings.memory_mib, 256U);
  EXPECT_FALSE(machine->is_bare_tree());
}

TEST_F(MachineHome, SaysWhichMachineIsMissing) {
  const auto machine = find_machine("db");
  ASSERT_FALSE(machine);
  EXPECT_THAT(machine.error().text(), HasSubstr("there is no machine 'db'"));
}

TEST_F(MachineHome, TakesPathsAsTreesOrMachines) {
  make("web", "");
  const auto bare = find_machine(scratch_.path().string() + "/machines");
  ASSERT_TRUE(bare);
  EXPECT_TRUE(bare->is_bare_tree());
  const auto machine = find_machine(scratch_.path().string() + "/machines/web/");
  ASSERT_TRUE(machine);
  EXPECT_FALSE(machine->is_bare_tree());
  const auto by_root = find_machine(scratch_.path().string() + "/machines/web/root");
  ASSERT_TRUE(by_root);
  EXPECT_EQ(by_root->name, "web");
  EXPECT_FALSE(find_machine("./none"));
}

TEST_F(MachineHome, ListsMachinesByNameWithoutLeftovers) {
  EXPECT_TRUE(list_machines()->empty());
  make("b", "");
  make("a", "");
  make(".c.creating-1", "");
  fs::create_directory(scratch_.path() / "machines/empty");
  const auto machines = list_machines();
  ASSERT_TRUE(machines);
  ASSERT_EQ(machines->size(), 2U);
  EXPECT_EQ((*machines)[0].name, "a");
  EXPECT_EQ((*machines)[1].name, "b");
}

TEST(HomeDirectory, FollowsTheEnvironment) {
  ::unsetenv("NINEROOT_HOME");
  ::setenv("XDG_DATA_HOME", "/data", 1);
  EXPECT_EQ(*home_directory(), "/data/nineroot");
  ::setenv("XDG_DATA_HOME", "relative", 1);
  ::setenv("HOME", "/home/u", 1);
  EXPECT_EQ(*home_directory(), "/home/u/.local/share/nineroot");
  ::unsetenv("XDG_DATA_HOME");
  EXPECT_EQ(*home_directory(), "/home/u/.local/share/nineroot");
  ::setenv("NINEROOT_HOME", "/machines", 1);
  EXPECT_EQ(*home_directory(), "/machines");
  ::unsetenv("NINEROOT_HOME");
}

}  // namespace
}  // namespace nineroot::vm
