// Deduplication on the file systems that can share data, as an ordinary user.
#include <vector>

#include "storage/dedup/deduplicate.h"
#include "storage/dedup/share_data.h"
#include "storage/usage.h"
#include "tests/storage/disks.h"

namespace nineroot::test {
namespace {

using storage::DedupReport;
using storage::DedupTree;

constexpr std::size_t kMiB = 1U << 20U;

class Dedup : public Disk {
 protected:
  void SetUp() override {
    Disk::SetUp();
    if (!IsSkipped()) {
      for (const char* name : {"a", "b", "base", "home"}) {
        make_directory(name);
      }
    }
  }

  /// The trees a and b, and others.
  DedupReport dedup(bool is_dry_run = false, const std::string& against = {}) {
    std::vector<UniqueFd> roots;
    std::vector<DedupTree> trees;
    const auto add = [&](const std::string& name, bool is_source_only) {
      roots.push_back(open(name));
      trees.push_back({.root = roots.back().get(), .name = name, .is_source_only = is_source_only});
    };
    add("a", false);
    add("b", false);
    if (!against.empty()) {
      add(against, true);
    }
    const AsOrdinaryUser user;
    const auto done =
        storage::deduplicate(trees, {.is_dry_run = is_dry_run, .index = at("home/index")}, watch_);
    EXPECT_TRUE(done) << done.error().text();
    return done.value_or(DedupReport());
  }

  [[nodiscard]] storage::Usage usage(const std::string& path) const {
    sync();
    const UniqueFd root = open(path);
    const AsOrdinaryUser user;
    const auto measured = storage::UsageMeter().measure(root.get(), path);
    EXPECT_TRUE(measured) << measured.error().text();
    return measured.value_or(storage::Usage());
  }

  storage::DedupWatch watch_;
};

INSTANTIATE_TEST_SUITE_P(Every, Dedup, testing::Values("btrfs", "xfs"),
                         [](const auto& which) { return std::string(which.param); });

TEST_P(Dedup, SharesEqualFilesAndNothingElse) {
  const std::string odd = bytes_of(1, 3 * kMiB + 1234);
  put("a/odd", odd);
  put("b/odd", odd);
  put("a/other", bytes_of(2, kMiB));
  put("b/other", bytes_of(3, kMiB));
  put("a/single", bytes_of(4, kMiB - 1));
  sync();
  struct stat before{};
  ASSERT_EQ(::stat(at("b/odd").c_str(), &before), 0);
  const DedupReport report = dedup();
  EXPECT_EQ(report.files, 5U);
  EXPECT_EQ(report.hashed, 4U);
  EXPECT_EQ(report.shared_files, 1U);
  EXPECT_EQ(report.shared_bytes, odd.size());
  EXPECT_EQ(report.changed + report.refused + report.unreadable, 0U);
  struct stat after{};
  ASSERT_EQ(::stat(at("b/odd").c_str(), &after), 0);
  EXPECT_EQ(after.st_ctim.tv_sec, before.st_ctim.tv_sec);
  EXPECT_EQ(after.st_ctim.tv_nsec, before.st_ctim.tv_nsec);
  EXPECT_EQ(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
  EXPECT_EQ(read_host_file(at("b/odd")), odd);
  const storage::Usage of_a = usage("a");
  EXPECT_GE(of_a.shared, odd.size());
  EXPECT_LT(of_a.shared, odd.size() + 8192);
  EXPECT_LT(of_a.exclusive, 2 * kMiB + 65536);
  EXPECT_GE(of_a.exclusive, 2 * kMiB - 1);
}

TEST_P(Dedup, DryRunCountsAndSharesNothing) {
  put("a/f", bytes_of(1, kMiB));
  put("b/f", bytes_of(1, kMiB));
  sync();
  const DedupReport report = dedup(true);
  EXPECT_EQ(report.shared_files, 1U);
  EXPECT_EQ(report.shared_bytes, kMiB);
  EXPECT_EQ(usage("a").shared, 0U);
}

TEST_P(Dedup, AgainLeavesAloneWhatIsShared) {
  for (const char* path : {"a/1", "a/2", "b/1"}) {
    put(path, bytes_of(1, kMiB));
  }
  sync();
  EXPECT_EQ(dedup().shared_files, 2U);
  const DedupReport again = dedup();
  EXPECT_EQ(again.shared_files, 0U);
  EXPECT_EQ(again.shared_before, 2 * kMiB);
  put("b/3", bytes_of(1, kMiB));
  EXPECT_EQ(dedup().shared_files, 1U);
}

TEST_P(Dedup, AgainHashesOnlyWhatChanged) {
  put("a/1", bytes_of(1, kMiB));
  put("b/1", bytes_of(1, kMiB));
  put("b/2", bytes_of(2, kMiB));
  sync();
  let_ctimes_age();
  EXPECT_EQ(dedup().hashed, 3U);
  put("b/2", bytes_of(1, kMiB));
  const DedupReport again = dedup();
  EXPECT_EQ(again.known, 2U);
  EXPECT_EQ(again.hashed, 1U);
  EXPECT_EQ(again.shared_files, 1U);
  put("home/index", "nonsense");
  EXPECT_EQ(dedup().hashed, 3U);
}

TEST_P(Dedup, AgainstAnImageChangesOnlyTheOthers) {
  put("a/f", bytes_of(1, kMiB));
  put("base/f", bytes_of(1, kMiB));
  put("base/g", bytes_of(1, kMiB));
  sync();
  const DedupReport report = dedup(false, "base");
  EXPECT_EQ(report.shared_files, 1U);
  EXPECT_GE(usage("base").exclusive, kMiB);  // One is shared with; the other one was left alone.
  EXPECT_GE(usage("base").shared, kMiB);
  EXPECT_LT(usage("a").exclusive, kMiB);
}

TEST_P(Dedup, TakesMoreFilesThanOneCallHasRoomFor) {
  run("for i in $(seq 300); do head -c 20000 /dev/zero | tr \"\\\\000\" x > a/$i; done");
  sync();
  const DedupReport report = dedup();
  EXPECT_EQ(report.shared_files, 299U);
  EXPECT_EQ(report.shared_bytes, 299U * 20000U);
}

TEST_P(Dedup, TakesFilesLargerThanOneCallCompares) {
  put("a/f", bytes_of(1, 40 * kMiB + 5));
  put("b/f", bytes_of(1, 40 * kMiB + 5));
  sync();
  EXPECT_EQ(dedup().shared_bytes, 40 * kMiB + 5);
  EXPECT_EQ(dedup().shared_files, 0U);
}

TEST_P(Dedup, PassesOverHolesSmallFilesLinksAndSpecialFiles) {
  const auto sparse = [this](const std::string& path) {
    put(path, "begin");
    const UniqueFd file(::open(at(path).c_str(), O_WRONLY | O_CLOEXEC));
    ASSERT_EQ(::ftruncate(file.get(), 1LL << 40), 0);
    ASSERT_EQ(::pwrite(file.get(), "end", 3, (1LL << 40) - 3), 3);
  };
  sparse("a/sparse");
  sparse("b/sparse");
  run("touch a/empty b/empty; mkfifo a/fifo b/fifo; ln -s /etc/passwd a/link; "
      "ln -s /etc/passwd b/link; ln -s /usr a/usr; ln a/sparse a/same; "
      "mkdir b/locked; echo x > b/locked/f; chmod 0 b/locked");
  sync();
  const DedupReport report = dedup();
  EXPECT_EQ(report.shared_files, 1U);
  EXPECT_LE(report.shared_bytes, 4U * 65536U);
  EXPECT_EQ(report.unreadable, 1U);
  EXPECT_EQ(report.refused, 0U);
  run("cmp a/empty b/empty; chmod 700 b/locked");
}

TEST_P(Dedup, SharesSmallFilesOnlyWhereThatFreesABlock) {
  for (const char* path : {"a/1", "b/1", "b/2"}) {
    put(path, "small");
  }
  sync();
  const std::uint64_t expected = std::string(GetParam()) == "btrfs" ? 0 : 2;
  EXPECT_EQ(dedup(true).shared_files, expected);
  EXPECT_EQ(dedup().shared_files, expected);
  EXPECT_EQ(dedup().shared_files, 0U);
}

TEST_P(Dedup, MeetsEachInodeOnceThroughNamesAndTrees) {
  put("a/1", bytes_of(1, kMiB));
  run("ln a/1 a/2; ln a/1 b/3; mkdir a/in");
  put("a/in/4", bytes_of(2, kMiB + 1));
  sync();
  const DedupReport report = dedup(false, "a/in");
  EXPECT_EQ(report.shared_files, 0U);
  EXPECT_EQ(report.refused, 0U);
  EXPECT_EQ(report.hashed, 0U);
}

TEST_P(Dedup, LeavesAFileThatChangesMeanwhile) {
  put("a/f", bytes_of(1, kMiB));
  put("b/f", bytes_of(1, kMiB));
  put("b/gone", bytes_of(1, kMiB));
  put("b/other", bytes_of(1, kMiB));
  sync();
  watch_.begin = [this](const std::string& phase, std::uint64_t) {
    if (phase == "sharing") {
      std::ofstream(at("b/f"), std::ios::in | std::ios::out) << "written by the guest";
      std::filesystem::remove(at("b/gone"));
      std::filesystem::remove(at("b/other"));
      ::symlink("/etc/passwd", at("b/other").c_str());
    }
  };
  const DedupReport report = dedup();
  EXPECT_EQ(report.shared_files, 0U);
  EXPECT_EQ(report.changed, 3U);
  EXPECT_TRUE(read_host_file(at("b/f")).starts_with("written by the guest"));
}

TEST_P(Dedup, RefusesFilesOfOthers) {
  put("a/f", bytes_of(1, kMiB));
  put("b/f", bytes_of(1, kMiB));
  ASSERT_EQ(::chown(at("b/f").c_str(), 0, 0), 0);
  ASSERT_EQ(::chmod(at("b/f").c_str(), 0644), 0);
  put("b/secret", bytes_of(1, kMiB));
  ASSERT_EQ(::chown(at("b/secret").c_str(), 0, 0), 0);
  ASSERT_EQ(::chmod(at("b/secret").c_str(), 0600), 0);
  sync();
  const DedupReport report = dedup();
  EXPECT_EQ(report.unreadable, 1U);
  EXPECT_EQ(report.refused + report.shared_files, 1U);  // a/f may share with b/f, not b/f with it.
  EXPECT_EQ(read_host_file(at("a/f")), read_host_file(at("b/f")));
}

TEST_P(Dedup, DoesNotShareWhatOnlyLooksEqual) {
  put("a/f", bytes_of(1, kMiB));
  put("b/f", bytes_of(2, kMiB));
  put("b/g", bytes_of(1, kMiB));
  const UniqueFd source(::open(at("a/f").c_str(), O_RDONLY | O_CLOEXEC));
  const UniqueFd differs(::open(at("b/f").c_str(), O_RDONLY | O_CLOEXEC));
  const UniqueFd equal(::open(at("b/g").c_str(), O_RDONLY | O_CLOEXEC));
  std::vector<storage::ShareTarget> targets = {
      {.file = differs.get()}, {.file = equal.get()}, {.file = source.get()}};
  ASSERT_TRUE(storage::share_data(source.get(), kMiB, targets));
  EXPECT_EQ(targets[0].error, EAGAIN);
  EXPECT_EQ(targets[0].shared, 0U);
  EXPECT_EQ(targets[1].error, 0);
  EXPECT_EQ(targets[1].shared, kMiB);
  EXPECT_EQ(targets[2].error, EINVAL);
}

using DedupOnBtrfs = Dedup;
INSTANTIATE_TEST_SUITE_P(Every, DedupOnBtrfs, testing::Values("btrfs"),
                         [](const auto& which) { return std::string(which.param); });

TEST_P(DedupOnBtrfs, WorksBetweenSubvolumesAndInReadOnlySnapshots) {
  run("rmdir b; btrfs subvolume create b");
  put("a/f", bytes_of(1, kMiB));
  put("b/f", bytes_of(1, kMiB));
  run("btrfs subvolume snapshot -r b base/fixed; rm b/f");
  sync();
  EXPECT_EQ(dedup().shared_files, 0U);
  {
    const AsOrdinaryUser user;
    const UniqueFd source(::open(at("a/f").c_str(), O_RDONLY | O_CLOEXEC));
    const UniqueFd fixed(::open(at("base/fixed/f").c_str(), O_RDONLY | O_CLOEXEC));
    storage::ShareTarget target{.file = fixed.get()};
    ASSERT_TRUE(storage::share_data(source.get(), kMiB, std::span(&target, 1)));
    EXPECT_EQ(target.error, 0);
    EXPECT_EQ(target.shared, kMiB);
  }
  EXPECT_EQ(read_host_file(at("base/fixed/f")), bytes_of(1, kMiB));
  run("rm a/f");
  put("b/f", bytes_of(1, kMiB));
  sync();
  // As a source it will do too, and is preferred to what the others share among themselves.
  put("a/f", bytes_of(1, kMiB));
  EXPECT_EQ(dedup(false, "base").shared_files, 2U);
}

TEST(DedupOnXfsWithoutReflink, SaysThatNothingCanBeShared) {
  const TempDir scratch;
  const Mount disk = Mount::image(scratch.path() / "disk", "xfs", 512, "-q -m reflink=0");
  if (!disk.is_mounted()) {
    GTEST_SKIP() << "mounting an image needs root, loop devices and mkfs.xfs";
  }
  for (const char* name : {"1", "2"}) {
    write_host_file(disk.path() / name, bytes_of(1, kMiB));
  }
  const UniqueFd root(::open(disk.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  const DedupTree tree{.root = root.get(), .name = "web"};
  const auto done =
      storage::deduplicate(std::span(&tree, 1), {.index = scratch.path() / "index"}, {});
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().text().find("EOPNOTSUPP"), std::string::npos) << done.error().text();
  EXPECT_NE(done.error().text().find("hint: keep machines on btrfs"), std::string::npos);
}

}  // namespace
}  // namespace nineroot::test
