#include "transport/unix_listener.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>

#include <gtest/gtest.h>

#include "tests/support/fake_frontend.h"

namespace nineroot::transport {
namespace {

namespace fs = std::filesystem;

class UnixListenerTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "listener-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
    path_ = directory_ / "socket";
  }

  void TearDown() override { fs::remove_all(directory_); }

  fs::path directory_;
  fs::path path_;
};

TEST_F(UnixListenerTest, ListensForItsOwnerOnly) {
  const auto listener = UnixListener::bind(path_);
  ASSERT_TRUE(listener) << listener.error().text();
  struct stat info{};
  ASSERT_EQ(::stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode, S_IFSOCK | 0600U);
  EXPECT_EQ(listener->accept().error(), Errno{EAGAIN});
  const auto peer = test::FakeFrontend::connect(path_);
  EXPECT_TRUE(listener->accept());
}

TEST_F(UnixListenerTest, TakesItsFileAwayAtTheEnd) {
  {
    const auto listener = UnixListener::bind(path_);
    ASSERT_TRUE(listener);
    EXPECT_TRUE(fs::exists(path_));
  }
  EXPECT_FALSE(fs::exists(fs::symlink_status(path_)));
}

TEST_F(UnixListenerTest, LeavesAFileThatSomebodyElseHasPutThere) {
  {
    const auto listener = UnixListener::bind(path_);
    ASSERT_TRUE(listener);
    fs::remove(path_);
    std::ofstream(path_) << "mine";
  }
  EXPECT_TRUE(fs::exists(path_));
}

TEST_F(UnixListenerTest, FindsItsFileInAnotherWorkingDirectory) {
  const fs::path before = fs::current_path();
  fs::current_path(directory_);
  {
    const auto listener = UnixListener::bind("socket");
    ASSERT_TRUE(listener) << listener.error().text();
    fs::current_path(before);
    EXPECT_TRUE(fs::exists(path_));
  }
  EXPECT_FALSE(fs::exists(path_));
}

TEST_F(UnixListenerTest, ReplacesADeadSocket) {
  {
    auto dead = UnixListener::bind(path_);
    ASSERT_TRUE(dead);
    fs::rename(path_, directory_ / "kept");
  }
  fs::rename(directory_ / "kept", path_);
  const auto listener = UnixListener::bind(path_);
  ASSERT_TRUE(listener) << listener.error().text();
  const auto peer = test::FakeFrontend::connect(path_);
}

TEST_F(UnixListenerTest, NeverReplacesALiveSocketOrAFile) {
  const auto first = UnixListener::bind(path_);
  ASSERT_TRUE(first);
  const auto second = UnixListener::bind(path_);
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().text().find("another server answers there"), std::string::npos);
  const fs::path file = directory_ / "file";
  std::ofstream(file) << "precious";
  const auto third = UnixListener::bind(file);
  ASSERT_FALSE(third);
  EXPECT_NE(third.error().text().find("a file is there"), std::string::npos);
  EXPECT_EQ(fs::file_size(file), 8U);
}

TEST_F(UnixListenerTest, SaysWhatIsWrongWithAPath) {
  EXPECT_TRUE(UnixListener::bind("").error().is_usage());
  EXPECT_TRUE(UnixListener::bind(std::string(200, 'x')).error().is_usage());
  const auto nowhere = UnixListener::bind(directory_ / "no" / "socket");
  ASSERT_FALSE(nowhere);
  EXPECT_NE(nowhere.error().text().find("ENOENT"), std::string::npos);
}

}  // namespace
}  // namespace nineroot::transport
