// Differences between a tree and real snapshots and clones of it.
#include <sys/xattr.h>

#include <ctime>
#include <functional>
#include <map>
#include <random>
#include <vector>

#include <gmock/gmock.h>

#include "storage/difference/renames.h"
#include "storage/difference/same_content.h"
#include "storage/difference/tree_difference.h"
#include "storage/extents.h"
#include "tests/storage/disks.h"

namespace nineroot::test {
namespace {

using storage::CompareOptions;
using storage::Difference;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::size_t kMiB = 1U << 20U;

class SnapshotDifference : public Disk {
 protected:
  void SetUp() override {
    Disk::SetUp();
    if (!IsSkipped()) {
      is_btrfs() ? run("btrfs subvolume create live") : make_directory("live");
    }
  }

  [[nodiscard]] bool is_btrfs() const { return std::string(GetParam()) == "btrfs"; }

  /// Of `live`, as `snap`: a snapshot, or a copy that shares the data.
  void take_snapshot() {
    const timespec now = {.tv_sec = std::time(nullptr), .tv_nsec = 0};
    if (is_btrfs()) {
      options_.parted = now;
      run("btrfs subvolume snapshot -r live snap");
    } else {
      run("cp -a --reflink=always live snap");
    }
  }

  [[nodiscard]] std::vector<std::string> differences(const CompareOptions& options,
                                                     bool finds_renames = false) const {
    const UniqueFd before = open("snap");
    const UniqueFd after = open("live");
    const AsOrdinaryUser user;
    const storage::ComparedTree a{
        .root = before.get(), .layout = storage::Layout::mapped_xattr, .name = "snap"};
    const storage::ComparedTree b{
        .root = after.get(), .layout = storage::Layout::mapped_xattr, .name = "live"};
    std::vector<std::string> lines;
    storage::RenameFinder renames(a, b, options);
    const storage::DifferenceSink print = [&lines](const Difference& one) -> Outcome<void> {
      std::string line = std::string(name_of(one.change)) + " " + one.path;
      line += one.from.empty() ? "" : " from " + one.from;
      for (const storage::Field field : one.fields) {
        line += " " + std::string(name_of(field));
      }
      lines.push_back(line);
      return {};
    };
    const auto compared = compare_trees(a, b, options, [&](Difference one) -> Outcome<void> {
      if (finds_renames) {
        renames.take(std::move(one));
        return {};
      }
      return print(std::move(one));
    });
    EXPECT_TRUE(compared) << compared.error().text();
    EXPECT_TRUE(renames.pass_on(print));
    return lines;
  }

  void set_mode(const std::string& path, std::uint32_t mode) const {
    ASSERT_EQ(::setxattr(at(path).c_str(), "user.virtfs.mode", &mode, sizeof(mode), 0), 0);
  }

  CompareOptions options_;
};

INSTANTIATE_TEST_SUITE_P(Every, SnapshotDifference, testing::Values("btrfs", "xfs"),
                         [](const auto& which) { return std::string(which.param); });

TEST_P(SnapshotDifference, IsNothingAtFirst) {
  run("mkdir live/d; echo 1 > live/d/f; ln live/d/f live/same; mkfifo live/fifo");
  set_mode("live/d", S_IFDIR | 01777);
  take_snapshot();
  EXPECT_THAT(differences(options_), IsEmpty());
  options_.reads_content = true;
  EXPECT_THAT(differences(options_), IsEmpty());
}

TEST_P(SnapshotDifference, FindsAnEditThatHidesItsTime) {
  put("live/f", bytes_of(1, 4 * kMiB));
  put("live/g", bytes_of(2, 4 * kMiB));
  run("touch -d @1000 live/f live/g");
  take_snapshot();
  {
    const UniqueFd file(::open(at("live/f").c_str(), O_WRONLY | O_CLOEXEC));
    ASSERT_EQ(::pwrite(file.get(), "edited", 6, 3'000'000), 6);  // Only in the page cache yet.
  }
  run("touch -d @1000 live/f");
  options_.reads_content = true;
  EXPECT_THAT(differences(options_), ElementsAre("modified /f content"));
}

TEST_P(SnapshotDifference, KnowsAClone) {
  put("live/f", bytes_of(1, 4 * kMiB));
  take_snapshot();
  sync();
  const UniqueFd one(::open(at("live/f").c_str(), O_RDWR | O_CLOEXEC));
  const UniqueFd other(::open(at("snap/f").c_str(), O_RDONLY | O_CLOEXEC));
  const auto places = [](const UniqueFd& fd) {
    return storage::read_extents(fd.get(), storage::Dirty::written_out).value();
  };
  EXPECT_TRUE(share_all(places(one), places(other)));
  EXPECT_EQ(storage::is_same_content(one.get(), other.get()), true);
  ASSERT_EQ(::pwrite(one.get(), "x", 1, kMiB), 1);
  EXPECT_FALSE(share_all(places(one), places(other)));
  EXPECT_EQ(storage::is_same_content(one.get(), other.get()), false);
}

TEST_P(SnapshotDifference, TellsEachKindOfChange) {
  run("cd live; echo 1 > edited; echo 1 > chmod; echo 1 > gone; mkdir d; echo 1 > d/f; echo 1 > t");
  set_mode("live/chmod", S_IFREG | 0644);
  let_ctimes_age();
  take_snapshot();
  run("cd live; echo 12 > edited; rm gone; echo > new; mkdir e; rm t; mkdir t; touch d");
  set_mode("live/chmod", S_IFREG | 0755);
  ASSERT_EQ(::setxattr(at("live/d/f").c_str(), "user.mine", "1", 1, 0), 0);
  EXPECT_THAT(differences(options_),
              ElementsAre("metadata / mtime", "metadata /chmod mode", "metadata /d mtime",
                          "metadata /d/f xattrs", "added /e", "modified /edited size mtime",
                          "removed /gone", "added /new", "type /t"));
}

using LineageOnBtrfs = SnapshotDifference;
INSTANTIATE_TEST_SUITE_P(Every, LineageOnBtrfs, testing::Values("btrfs"),
                         [](const auto& which) { return std::string(which.param); });

TEST_P(LineageOnBtrfs, TellsRenamesOnce) {
  run("cd live; mkdir old; echo 1 > old/f; echo 1 > old/g; mkdir old/in; echo 1 > old/in/h; "
      "echo 1 > single");
  take_snapshot();
  run("cd live; mv old new; echo 12 > new/g; mv single new/moved; touch -r ../snap .; "
      "touch -r ../snap/old new");
  EXPECT_THAT(differences(options_, true),
              ElementsAre("renamed /new from /old", "modified /new/g from /old/g size mtime",
                          "renamed /new/moved from /single"));
}

/// Random changes of a tree of several levels, made by the host as the server makes them.
class Changes {
 public:
  Changes(const std::filesystem::path& root, unsigned seed) : root_(root), random_(seed) {}

  void make(int count) {
    for (int i = 0; i < count; ++i) {
      make_one();
    }
  }

 private:
  [[nodiscard]] std::filesystem::path any() {
    std::filesystem::path path = root_;
    const auto depth = 1 + random_() % 3;
    for (std::uint64_t i = 0; i < depth; ++i) {
      path /= std::string(1, static_cast<char>('a' + random_() % 6));
    }
    return path;
  }

  void make_one() {
    const std::filesystem::path path = any();
    std::error_code ignored;
    switch (random_() % 8) {
      case 0:
        std::filesystem::create_directory(path, ignored);
        break;
      case 1:
        std::filesystem::rename(path, any(), ignored);
        break;
      case 2:
        std::filesystem::remove(path, ignored);
        break;
      case 3:
        std::filesystem::create_hard_link(path, any(), ignored);
        break;
      case 4: {
        const auto mode = static_cast<std::uint32_t>(S_IFREG | (random_() % 512));
        ::setxattr(path.c_str(), "user.virtfs.mode", &mode, sizeof(mode), 0);
        break;
      }
      case 5:
        ::setxattr(path.c_str(), "user.x", "12", 1 + random_() % 2, 0);
        break;
      default:
        if (!std::filesystem::is_directory(path, ignored)) {
          std::ofstream(path, std::ios::app) << std::string(random_() % 100, 'x');
        }
    }
  }

  std::filesystem::path root_;
  std::mt19937 random_;
};

TEST_P(LineageOnBtrfs, IsFoundByCtimesAsByAFullComparison) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE(seed);
  Changes changes(at("live"), seed);
  changes.make(3000);
  let_ctimes_age();
  take_snapshot();
  CompareOptions full;
  full.reads_content = true;
  EXPECT_THAT(differences(full), IsEmpty());
  for (int round = 0; round < 10; ++round) {
    changes.make(20);
    CompareOptions quick = options_;
    quick.reads_content = true;
    const std::vector<std::string> expected = differences(full);
    EXPECT_THAT(expected, testing::Not(IsEmpty()));
    EXPECT_EQ(differences(quick), expected) << round;
  }
}

}  // namespace
}  // namespace nineroot::test
