// Several host file systems in one tree, for real: numbers are unique and stay the same.
#include <dirent.h>
#include <fcntl.h>
#include <sys/mount.h>

#include <map>
#include <set>

#include <gtest/gtest.h>

#include "tests/support/served_tree.h"

namespace nineroot::test {
namespace {

/// A tmpfs mounted for one test.
class TmpfsMount {
 public:
  explicit TmpfsMount(std::filesystem::path path) : path_(std::move(path)) {
    std::filesystem::create_directory(path_);
    is_mounted_ = ::mount("nineroot-test", path_.c_str(), "tmpfs", 0, "size=4m") == 0;
  }

  ~TmpfsMount() {
    if (is_mounted_) {
      ::umount2(path_.c_str(), MNT_DETACH);
    }
  }

  TmpfsMount(const TmpfsMount&) = delete;
  TmpfsMount& operator=(const TmpfsMount&) = delete;

  [[nodiscard]] bool is_mounted() const { return is_mounted_; }

 private:
  std::filesystem::path path_;
  bool is_mounted_ = false;
};

/// The qid.path of every file of these directories, asked of a new server.
std::map<std::string, std::uint64_t> numbers_in(ServedTree& served) {
  std::map<std::string, std::uint64_t> numbers;
  std::uint32_t fid = 100;
  for (const char* dir : {".", "one", "two"}) {
    for (const auto& entry : std::filesystem::directory_iterator(served.path() / dir)) {
      const std::string name = entry.path().filename().string();
      EXPECT_TRUE(served.client().walk(0, fid, {dir, name}));
      numbers[std::string(dir) + "/" + name] = served.client().getattr(fid)->qid.path;
      ++fid;
    }
  }
  return numbers;
}

TEST(ManyFileSystems, NumbersAreUniqueAndNamesConsistent) {
  ServedTree served;
  const TmpfsMount one(served.path() / "one");
  const TmpfsMount two(served.path() / "two");
  if (!one.is_mounted() || !two.is_mounted()) {
    GTEST_SKIP() << "mounting needs root";
  }
  for (const char* dir : {".", "one", "two"}) {
    for (int i = 0; i < 20; ++i) {
      write_host_file(served.path() / dir / std::to_string(i), "x");
    }
  }
  const auto numbers = numbers_in(served);
  std::set<std::uint64_t> distinct;
  for (const auto& [name, number] : numbers) {
    EXPECT_TRUE(distinct.insert(number).second) << name;
  }
  EXPECT_EQ(distinct.size(), 62U);
  // What readdir says of a mount point is what stat says.
  Client9p& client = served.client();
  ASSERT_TRUE(client.walk(0, 1));
  ASSERT_TRUE(client.open(1, O_RDONLY));
  const auto entries = client.readdir(1, 0, 8000);
  ASSERT_TRUE(entries);
  for (const Entry& entry : *entries) {
    if (entry.name == "one" || entry.name == "two") {
      EXPECT_EQ(entry.qid.path, numbers.at("./" + entry.name));
    }
  }
  // Between file systems, Linux's own error.
  ASSERT_TRUE(client.walk(0, 2, {"one"}));
  ASSERT_TRUE(client.walk(0, 3, {"two"}));
  EXPECT_EQ(client.rename(2, "5", 3, "5").error(), Errno{EXDEV});
  ASSERT_TRUE(client.walk(2, 4, {".."}));
  EXPECT_EQ(client.getattr(4)->qid, client.getattr(0)->qid);
}

TEST(ManyFileSystems, NumbersStayTheSameInTheNextServer) {
  ServedTree served;
  const TmpfsMount one(served.path() / "one");
  if (!one.is_mounted()) {
    GTEST_SKIP() << "mounting needs root";
  }
  std::filesystem::create_directory(served.path() / "two");
  write_host_file(served.path() / "one/f", "x");
  UniqueFd root(::open(served.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  auto again = fs::Tree::open(std::move(root), {});
  ASSERT_TRUE(again);
  const auto dir = (*again)->lookup((*again)->root(), *fs::Name::parse("one"));
  ASSERT_TRUE(dir);
  const auto file = (*again)->lookup(dir->node, *fs::Name::parse("f"));
  ASSERT_TRUE(file);
  EXPECT_EQ(file->attr.number, numbers_in(served).at("one/f"));
}

}  // namespace
}  // namespace nineroot::test
