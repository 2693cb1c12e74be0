// Several host file systems in one tree, as `serve --multidevs` treats them.
#include <sys/mount.h>

#include "tests/conformance/conformance.h"

namespace nineroot::test {
namespace {

/// A tree with a tmpfs mounted on `other`; `other/f` and `g` have the same inode number.
class MultidevsTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) {
      GTEST_SKIP() << "only root can mount a file system";
    }
  }

  struct Mounted {
    explicit Mounted(fs::Multidevs multidevs) : served({.multidevs = multidevs}) {
      directory = served.path() / "other";
      std::filesystem::create_directory(directory);
      is_mounted = ::mount("none", directory.c_str(), "tmpfs", 0, "size=1m") == 0;
      write_host_file(directory / "f", "elsewhere");
    }

    ~Mounted() {
      if (is_mounted) {
        ::umount2(directory.c_str(), MNT_DETACH);
      }
    }

    Mounted(const Mounted&) = delete;
    Mounted& operator=(const Mounted&) = delete;

    ServedTree served;
    std::filesystem::path directory;
    bool is_mounted = false;
  };
};

std::vector<std::string> names_of(Client9p& client) {
  EXPECT_TRUE(client.walk(0, 50));
  EXPECT_TRUE(client.open(50, O_RDONLY));
  std::vector<std::string> names;
  const auto entries = client.readdir(50, 0, 8192);
  EXPECT_TRUE(entries);
  for (const Entry& entry : *entries) {
    names.push_back(entry.name);
  }
  return names;
}

TEST_F(MultidevsTest, ForbidRefusesWhatIsMountedButListsIt) {
  Mounted mounted(fs::Multidevs::forbid);
  ASSERT_TRUE(mounted.is_mounted);
  Client9p& client = mounted.served.client();
  EXPECT_ERRNO(ENODEV, client.walk(0, 1, {"other"}));
  EXPECT_ERRNO(ENODEV, client.walk(0, 1, {"other", "f"}));
  const auto names = names_of(client);
  EXPECT_EQ(std::ranges::count(names, "other"), 1);
}

TEST_F(MultidevsTest, WarnGivesTheHostsNumbers) {
  Mounted mounted(fs::Multidevs::warn);
  ASSERT_TRUE(mounted.is_mounted);
  Client9p& client = mounted.served.client();
  const auto walked = client.walk(0, 1, {"other", "f"});
  ASSERT_TRUE(walked);
  struct stat stat{};
  ASSERT_EQ(::stat((mounted.directory / "f").c_str(), &stat), 0);
  EXPECT_EQ(walked->wqid[1].path, stat.st_ino);
}

TEST_F(MultidevsTest, RemapKeepsNumbersApart) {
  Mounted mounted(fs::Multidevs::remap);
  ASSERT_TRUE(mounted.is_mounted);
  Client9p& client = mounted.served.client();
  const auto walked = client.walk(0, 1, {"other", "f"});
  ASSERT_TRUE(walked);
  struct stat stat{};
  ASSERT_EQ(::stat((mounted.directory / "f").c_str(), &stat), 0);
  EXPECT_NE(walked->wqid[1].path, stat.st_ino);
  EXPECT_EQ(walked->wqid[1].path & ((std::uint64_t{1} << 48U) - 1), stat.st_ino);
}

}  // namespace
}  // namespace nineroot::test
