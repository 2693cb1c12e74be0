// One tree over many file systems: bind mounts, btrfs subvolumes, tmpfs, FUSE.  Numbers are unique,
// the same in every answer and after every restart.
#include <functional>

#include "tests/conformance/posix.h"
#include "tests/support/failing_fs.h"
#include "tests/support/mounts.h"

namespace nineroot::test {
namespace {

/// The qid.path of everything below the root, by path, as a server started now gives it.
std::map<std::string, std::uint64_t> numbers_of(const std::filesystem::path& root) {
  UniqueFd fd(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  auto tree = fs::Tree::open(std::move(fd), {.identity = fs::IdentityKind::none});
  std::map<std::string, std::uint64_t> numbers;
  EXPECT_TRUE(tree);
  const std::function<void(const fs::NodeRef&, const std::string&)> visit =
      [&](const fs::NodeRef& dir, const std::string& path) {
        auto opened = (*tree)->open(dir, O_RDONLY);
        ASSERT_TRUE(opened) << path;
        std::vector<std::pair<std::string, std::uint64_t>> entries;
        EXPECT_TRUE(opened->file->read_dir(0, [&](const fs::DirEntry& entry) {
          if (entry.name != "." && entry.name != "..") {
            entries.emplace_back(entry.name, entry.number);
          }
          return true;
        }));
        for (const auto& [name, number] : entries) {
          const auto found = (*tree)->lookup(dir, *fs::Name::parse(name));
          ASSERT_TRUE(found) << path << name;
          EXPECT_EQ(found->attr.number, number) << path << name;
          numbers[path + name] = number;
          if (S_ISDIR(found->attr.mode)) {
            visit(found->node, path + name + "/");
          }
        }
      };
  visit((*tree)->root(), "");
  return numbers;
}

void expect_unique(const std::map<std::string, std::uint64_t>& numbers) {
  std::map<std::uint64_t, std::string> owners;
  for (const auto& [path, number] : numbers) {
    const auto [owner, is_new] = owners.emplace(number, path);
    EXPECT_TRUE(is_new) << path << " and " << owner->second;
  }
}

void fill(const std::filesystem::path& directory) {
  std::filesystem::create_directories(directory / "sub");
  for (int i = 0; i < 20; ++i) {
    write_host_file(directory / std::to_string(i), "x");
    write_host_file(directory / "sub" / std::to_string(i), "x");
  }
}

TEST(MixedTree, BtrfsSubvolumesAndTheirSnapshots) {
  const TempDir root;
  Mount disk = Mount::image(root.path() / "disk", "btrfs", 128, "-q");
  const std::string path = disk.path().string();
  if (!disk.is_mounted() || !run_quietly("btrfs subvolume create " + path + "/one")) {
    GTEST_SKIP() << "mounting an image needs root, loop devices and btrfs-progs";
  }
  fill(root.path() / "host");
  fill(disk.path());
  fill(disk.path() / "one");
  // The same inode numbers again, and once more below that.
  ASSERT_TRUE(run_quietly("btrfs subvolume snapshot " + path + "/one " + path + "/two"));
  ASSERT_TRUE(run_quietly("btrfs subvolume create " + path + "/one/inner"));
  fill(disk.path() / "one/inner");
  ASSERT_TRUE(run_quietly("btrfs subvolume snapshot -r " + path + "/one " + path + "/three"));
  const auto numbers = numbers_of(root.path());
  // Six times `fill`, their directories, and what stands for "inner" in the last snapshot.
  EXPECT_EQ(numbers.size(), 6U * 41U + 7U);
  expect_unique(numbers);
  EXPECT_EQ(numbers_of(root.path()), numbers);
  // Mounted again, after others took the device numbers that it had.
  disk.unmount();
  const TempDir elsewhere;
  const Mount decoy = Mount::tmpfs(elsewhere.path() / "decoy");
  const Mount another = Mount::image(elsewhere.path() / "another", "btrfs", 128, "-q");
  disk.mount_again();
  ASSERT_TRUE(disk.is_mounted());
  EXPECT_EQ(numbers_of(root.path()), numbers);
}

TEST(MixedTree, SubvolumesAreFileSystemsOfTheirOwn) {
  ServedTree served({.identity = fs::IdentityKind::none});
  Client9p& client = served.client();
  Calls calls(client);
  const Mount disk = Mount::image(served.path() / "disk", "btrfs", 128, "-q");
  const std::string path = disk.path().string();
  if (!disk.is_mounted() || !run_quietly("btrfs subvolume create " + path + "/one && " +
                                         "btrfs subvolume create " + path + "/two")) {
    GTEST_SKIP() << "mounting an image needs root, loop devices and btrfs-progs";
  }
  ASSERT_TRUE(client.walk(0, 1, {"disk", "one"}));
  ASSERT_TRUE(client.walk(0, 2, {"disk", "two"}));
  ASSERT_TRUE(calls.touch("f", "x", 1));
  ASSERT_TRUE(client.walk(1, 3, {"f"}));
  EXPECT_ERRNO(EXDEV, client.rename(1, "f", 2, "f"));
  EXPECT_ERRNO(EXDEV, calls.link(3, "f", 2));
  EXPECT_EQ(calls.stat("f", 1)->size, 1U);
  // An empty subvolume can be removed like a directory where the host allows it, else EPERM.
  ASSERT_TRUE(client.walk(0, 4, {"disk"}));
  const auto removed = calls.remove(S_IFDIR, "two", 4);
  EXPECT_TRUE(removed || removed.error() == Errno{EPERM});
}

TEST(MixedTree, EveryKindAtOnce) {
  const TempDir root;
  const TempDir outside;
  fill(outside.path());
  fill(root.path() / "plain");
  const Mount memory = Mount::tmpfs(root.path() / "memory");
  const Mount more_memory = Mount::tmpfs(root.path() / "plain/more");
  const Mount ext4 = Mount::image(root.path() / "ext4", "ext4", 8, "-q -F");
  const Mount bound = Mount::bind(outside.path(), root.path() / "bound");
  const FailingFs fuse(root.path() / "fuse");
  if (!memory.is_mounted() || !ext4.is_mounted() || !bound.is_mounted() || !fuse.is_mounted()) {
    GTEST_SKIP() << "mounting needs root, loop devices and /dev/fuse";
  }
  for (const char* name : {"memory", "plain/more", "ext4", "fuse"}) {
    fill(root.path() / name);
  }
  const auto numbers = numbers_of(root.path());
  expect_unique(numbers);
  EXPECT_EQ(numbers_of(root.path()), numbers);
  // What is on the root's own file system has the host's numbers, through a bind mount too.
  struct stat info{};
  ASSERT_EQ(::stat((root.path() / "plain/0").c_str(), &info), 0);
  EXPECT_EQ(numbers.at("plain/0"), info.st_ino);
  ASSERT_EQ(::stat((root.path() / "bound/0").c_str(), &info), 0);
  EXPECT_EQ(numbers.at("bound/0"), info.st_ino);
}

/// A directory that is bound to a second place is one directory with two names: whatever is done
/// through one is seen through the other, and nothing is lost or endless.
TEST(MixedTree, DirectoryBoundToASecondPlace) {
  ServedTree served;
  Client9p& client = served.client();
  Calls calls(client);
  fill(served.path() / "a");
  const Mount twice = Mount::bind(served.path() / "a", served.path() / "b");
  const Mount inside = Mount::bind(served.path() / "a", served.path() / "a/sub");
  if (!twice.is_mounted() || !inside.is_mounted()) {
    GTEST_SKIP() << "mounting needs root";
  }
  ASSERT_TRUE(client.walk(0, 1, {"a"}));
  ASSERT_TRUE(client.walk(0, 2, {"b"}));
  EXPECT_EQ(client.getattr(1)->qid, client.getattr(2)->qid);
  ASSERT_TRUE(calls.touch("new", "x", 2));
  EXPECT_EQ(calls.stat("new", 1)->size, 1U);
  EXPECT_TRUE(client.rename(1, "new", 2, "newer"));
  EXPECT_EQ(calls.names(1), calls.names(2));
  // A directory inside itself, as deep as one likes, and up again.
  ASSERT_TRUE(client.walk(0, 3, {"a", "sub", "sub"}));
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(client.walk(3, 3, {".."}));
  }
  EXPECT_EQ(client.getattr(3)->qid, client.getattr(0)->qid);
  EXPECT_TRUE(calls.stat("newer", 1));
}

}  // namespace
}  // namespace nineroot::test
