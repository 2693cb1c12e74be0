#include "storage/difference/renames.h"

#include <gmock/gmock.h>

#include "storage/difference/two_trees.h"

namespace nineroot::storage {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

/// Hard links are the same inodes, as in snapshots; directories need the real thing, which
/// tests/storage has.
class Renames : public TwoTrees {
 protected:
  void link(const std::string& in_a, const std::string& in_b) const {
    fs::create_hard_link(host_a() / in_a, host_b() / in_b);
  }
};

TEST_F(Renames, AreTheSameInodeUnderAnotherName) {
  put(host_a() / "old", "x");
  put(host_a() / "gone", "y");
  link("old", "new");
  put(host_b() / "other", "z");
  align_times();
  EXPECT_THAT(differences(),
              UnorderedElementsAre("removed /gone", "added /new", "removed /old", "added /other"));
  EXPECT_THAT(differences(true),
              ElementsAre("removed /gone", "renamed /new from /old", "added /other"));
}

TEST_F(Renames, OfOneOfSeveralNamesIsToldOnce) {
  put(host_a() / "1", "x");
  fs::create_hard_link(host_a() / "1", host_a() / "2");
  link("1", "3");
  align_times();
  EXPECT_THAT(differences(true), ElementsAre("removed /2", "renamed /3 from /1"));
}

TEST_F(Renames, AreNoneWithoutAnInodeInCommon) {
  put(host_a() / "old", "x");
  put(host_b() / "new", "x");
  align_times();
  EXPECT_THAT(differences(true), ElementsAre("added /new", "removed /old"));
}

TEST_F(Renames, PassOnAllElse) {
  put(host_a() / "same", "x");
  put(host_b() / "same", "xy");
  align_times();
  EXPECT_THAT(differences(true), ElementsAre("modified /same size"));
  put(host_b() / "same", "x");
  align_times();
  EXPECT_THAT(differences(true), IsEmpty());
}

TEST_F(Renames, BetweenDevicesNeedALineage) {
  const auto pair_up = [this] {
    const ComparedTree none;
    RenameFinder renames(none, none, options_);
    Difference removed{
        .change = Change::removed,
        .path = "/old",
        .from = {},
        .fields = {},
        .before = GuestInode{.mode = S_IFREG, .target = {}, .xattrs = {}, .host = {}},
        .after = {}};
    removed.before->host.birth = timespec{};
    Difference added = removed;
    added.change = Change::added;
    added.path = "/new";
    added.after = added.before;
    added.before.reset();
    added.after->host.device = 7;
    renames.take(removed);
    renames.take(added);
    std::vector<std::string> lines;
    EXPECT_TRUE(renames.pass_on([&lines](const Difference& one) -> Outcome<void> {
      lines.push_back(line_of(one));
      return {};
    }));
    return lines;
  };
  EXPECT_THAT(pair_up(), ElementsAre("removed /old", "added /new"));
  options_.parted = timespec{};
  EXPECT_THAT(pair_up(), ElementsAre("renamed /new from /old"));
}

TEST_F(Renames, OfADirectoryAreToldOnceWithWhatChangedInIt) {
  const auto inode = [](std::uint64_t number, std::uint32_t type, std::uint64_t size) {
    GuestInode made{.mode = type | 0644, .size = size, .target = {}, .xattrs = {}, .host = {}};
    made.host.number = number;
    made.host.birth = timespec{.tv_sec = 1, .tv_nsec = 2};
    return made;
  };
  const ComparedTree none;
  RenameFinder renames(none, none, options_);
  const auto take = [&](Change change, const char* path, const GuestInode& what) {
    Difference one{
        .change = change, .path = path, .from = {}, .fields = {}, .before = {}, .after = {}};
    (change == Change::added ? one.after : one.before) = what;
    renames.take(one);
  };
  take(Change::added, "/new", inode(1, S_IFDIR, 0));
  take(Change::added, "/new/grown", inode(2, S_IFREG, 5));
  take(Change::added, "/new/in", inode(3, S_IFDIR, 0));
  take(Change::added, "/new/in/same", inode(4, S_IFREG, 4));
  take(Change::added, "/new/moved", inode(5, S_IFREG, 4));
  take(Change::added, "/new/own", inode(9, S_IFREG, 4));
  take(Change::removed, "/old", inode(1, S_IFDIR, 0));
  take(Change::removed, "/old/grown", inode(2, S_IFREG, 4));
  take(Change::removed, "/old/in", inode(3, S_IFDIR, 0));
  take(Change::removed, "/old/in/gone", inode(6, S_IFREG, 4));
  take(Change::removed, "/old/in/same", inode(4, S_IFREG, 4));
  take(Change::removed, "/old/other", inode(5, S_IFREG, 4));
  std::vector<std::string> lines;
  ASSERT_TRUE(renames.pass_on([&lines](const Difference& one) -> Outcome<void> {
    lines.push_back(line_of(one));
    return {};
  }));
  EXPECT_THAT(
      lines,
      ElementsAre("renamed /new from /old", "modified /new/grown from /old/grown size",
                  "renamed /new/moved from /old/other", "added /new/own", "removed /old/in/gone"));
}

}  // namespace
}  // namespace nineroot::storage
