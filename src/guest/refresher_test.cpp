// Without heralds, which take a guest: caches are dropped, and nothing is changed or followed.
#include "guest/refresher.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

namespace nineroot::guest {
namespace {

using agent::RefreshTask;

class RefresherTest : public testing::Test {
 protected:
  RefresherTest() {
    EXPECT_NE(mkdtemp(directory.data()), nullptr);
    root = directory.data();
    mkdir((root + "/tree").c_str(), 0700);
    write_file("/tree/file", "content");
    write_file("/outside", "secret");
    write_file("/drop", "");
    EXPECT_EQ(symlink("..", (root + "/tree/up").c_str()), 0);
  }

  ~RefresherTest() override {
    for (const char* path : {"/tree/file", "/tree/up", "/outside", "/drop"}) {
      unlink((root + path).c_str());
    }
    rmdir((root + "/tree").c_str());
    rmdir(root.c_str());
  }

  void write_file(const std::string& path, const std::string& text) const {
    const UniqueFd file(open((root + path).c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600));
    EXPECT_EQ(write(file.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }

  [[nodiscard]] std::string read_file(const std::string& path) const {
    const UniqueFd file(open((root + path).c_str(), O_RDONLY));
    std::array<char, 64> text{};
    const ssize_t size = read(file.get(), text.data(), text.size());
    return size < 0 ? "none" : std::string(text.data(), static_cast<std::size_t>(size));
  }

  [[nodiscard]] Refresher make() const {
    return Refresher(UniqueFd(open((root + "/tree").c_str(), O_PATH | O_DIRECTORY)), root + "/drop",
                     false);
  }

  static RefreshTask of(const std::string& path, std::uint64_t size) {
    return {.kind = RefreshTask::Kind::path,
            .path = path,
            .is_new = true,
            .has_content = true,
            .has_attributes = true,
            .is_directory = false,
            .is_quiet = false,
            .number = 1,
            .size = size};
  }

  std::array<char, 32> directory = {"/tmp/nineroot-refresher-XXXXXX"};
  std::string root;
};

TEST_F(RefresherTest, DropsEverythingOrNames) {
  EXPECT_TRUE(make().run({.kind = RefreshTask::Kind::everything}));
  EXPECT_EQ(read_file("/drop"), "3");
  EXPECT_TRUE(make().run({.kind = RefreshTask::Kind::names}));
  EXPECT_EQ(read_file("/drop"), "2");
}

TEST_F(RefresherTest, DropsNamesAtTheEndOnlyIfThatIsNeeded) {
  Refresher refresher = make();
  EXPECT_TRUE(refresher.run({.kind = RefreshTask::Kind::settle}));
  EXPECT_EQ(read_file("/drop"), "");
  EXPECT_TRUE(refresher.run(of("file", 7)));
  EXPECT_TRUE(refresher.run({.kind = RefreshTask::Kind::settle}));
  EXPECT_EQ(read_file("/drop"), "2");
  write_file("/drop", "");
  EXPECT_TRUE(refresher.run({.kind = RefreshTask::Kind::settle}));
  EXPECT_EQ(read_file("/drop"), "");
}

TEST_F(RefresherTest, TellsThatItCannotDrop) {
  Refresher refresher(UniqueFd(open("/", O_PATH)), root + "/not-there", false);
  EXPECT_EQ(refresher.run({.kind = RefreshTask::Kind::everything}).error(), Errno{ENOENT});
}

TEST_F(RefresherTest, ChangesNothing) {
  Refresher refresher = make();
  RefreshTask gone = of("file", 0);
  gone.number = 0;
  EXPECT_TRUE(refresher.run(gone));
  EXPECT_TRUE(refresher.run(of("file", 3)));
  EXPECT_TRUE(refresher.run(of("new", 3)));
  EXPECT_EQ(read_file("/tree/file"), "content");
  EXPECT_EQ(read_file("/tree/new"), "none");
}

TEST_F(RefresherTest, FollowsNoSymlinkAndLeavesNotTheRoot) {
  Refresher refresher = make();
  struct stat before{};
  struct stat after{};
  ASSERT_EQ(stat((root + "/outside").c_str(), &before), 0);
  EXPECT_TRUE(refresher.run(of("up/outside", 3)));
  EXPECT_TRUE(refresher.run(of("up", 3)));
  EXPECT_TRUE(refresher.run(of("file/below", 3)));
  ASSERT_EQ(stat((root + "/outside").c_str(), &after), 0);
  EXPECT_EQ(after.st_atim.tv_nsec, before.st_atim.tv_nsec);
  EXPECT_EQ(after.st_ctim.tv_nsec, before.st_ctim.tv_nsec);
}

}  // namespace
}  // namespace nineroot::guest
