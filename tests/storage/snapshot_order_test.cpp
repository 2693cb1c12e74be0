// Write order over two data sets in snapshots that are taken under load: kept with the gate closed,
// and not kept without, or this test would prove nothing.
#include <fcntl.h>

#include <atomic>
#include <optional>
#include <thread>
#include <tuple>

#include <gtest/gtest.h>

#include "base/unique_fd.h"
#include "storage/dataset/btrfs.h"
#include "tests/support/mounts.h"
#include "tests/support/served_tree.h"

namespace nineroot::test {
namespace {

constexpr std::chrono::seconds kPatience{60};
constexpr int kSnapshots = 200;

UniqueFd open_directory(const std::filesystem::path& path) {
  return UniqueFd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

class SnapshotOrder : public testing::Test {
 protected:
  SnapshotOrder()
      : served_({.prepare = [this](const std::filesystem::path& path) {
          mount_.emplace(Mount::image(path, "btrfs", 256));
          const UniqueFd root = open_directory(path);
          is_ready_ = mount_->is_mounted() && storage::btrfs::create(root.get(), "root") &&
                      storage::btrfs::create(root.get(), "home");
        }}) {}

  void SetUp() override {
    if (!is_ready_) {
      GTEST_SKIP() << "mounting an image of btrfs needs root and its mkfs";
    }
    for (const auto& [fid, dir, name] :
         {std::tuple{1U, "root", "first"}, std::tuple{2U, "home", "second"}}) {
      ASSERT_TRUE(served_.client().walk(0, 10, {dir}));
      ASSERT_TRUE(served_.client().create(10, fid, name, O_RDWR, 0600, 0));
      ASSERT_TRUE(served_.client().clunk(10));
      ASSERT_TRUE(served_.client().write(fid, 0, text_of(0)));
    }
  }

  static std::string text_of(unsigned number) {
    std::string text = std::to_string(number);
    return std::string(10 - text.size(), '0') + text;
  }

  /// Takes one snapshot after the other while a client writes; returns in how many the second write
  /// of a pair was there and the first was not.
  int violations(bool has_gate) {
    std::atomic<unsigned> written = 0;
    const std::jthread writer([&](const std::stop_token& stop) {
      for (unsigned number = 1; !stop.stop_requested(); ++number) {
        for (const std::uint32_t fid : {1U, 2U}) {
          EXPECT_TRUE(served_.client().write(fid, 0, text_of(number)));
        }
        written = number;
      }
    });
    const UniqueFd pool = open_directory(served_.path());
    int count = 0;
    for (int i = 0; i < kSnapshots; ++i) {
      for (const unsigned before = written; written == before;) {
        std::this_thread::yield();
      }
      EXPECT_TRUE(!has_gate || served_.gate().close(kPatience));
      for (const std::string name : {"root", "home"}) {
        const UniqueFd live = open_directory(served_.path() / name);
        EXPECT_TRUE(storage::btrfs::snapshot(live.get(), pool.get(), name + "-snapshot",
                                             storage::btrfs::Access::read_only));
      }
      if (has_gate) {
        served_.gate().open();
      }
      const auto number_in = [&](const char* file) {
        return std::stoul(read_host_file(served_.path() / file));
      };
      count += number_in("home-snapshot/second") > number_in("root-snapshot/first") ? 1 : 0;
      for (const std::string name : {"root", "home"}) {
        EXPECT_TRUE(storage::btrfs::remove(pool.get(), name + "-snapshot"));
      }
    }
    return count;
  }

  std::optional<Mount> mount_;
  bool is_ready_ = false;
  ServedTree served_;
};

TEST_F(SnapshotOrder, IsKeptByTheGate) {
  EXPECT_EQ(violations(true), 0);
}

TEST_F(SnapshotOrder, IsNotKeptWithoutIt) {
  EXPECT_GT(violations(false), 0);
}

}  // namespace
}  // namespace nineroot::test
