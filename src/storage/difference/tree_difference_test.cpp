#include "storage/difference/tree_difference.h"

#include <sys/stat.h>
#include <sys/xattr.h>

#include <map>

#include <gmock/gmock.h>

#include "storage/difference/two_trees.h"
#include "storage/remove_tree.h"

namespace nineroot::storage {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class TreeDifference : public TwoTrees {
 protected:
  /// Makes `path` in both trees alike.
  void put_both(const std::string& path, const std::string& content, Ownership ownership = {}) {
    ASSERT_TRUE(a().write_file(path, content, ownership));
    ASSERT_TRUE(b().write_file(path, content, ownership));
  }
};

TEST_F(TreeDifference, OfEqualTreesIsNothing) {
  for (const auto& guest : {a(), b()}) {
    ASSERT_TRUE(guest.make_directories("/etc/deep"));
    ASSERT_TRUE(guest.write_symlink("/etc/link", "deep"));
  }
  put_both("/etc/passwd", "root");
  align_times();
  EXPECT_THAT(differences(), IsEmpty());
  options_.reads_content = true;
  EXPECT_THAT(differences(), IsEmpty());
}

TEST_F(TreeDifference, SaysWhatCameAndWentDirectoriesFirst) {
  ASSERT_TRUE(a().make_directories("/old/in"));
  ASSERT_TRUE(a().write_file("/old/in/file", ""));
  ASSERT_TRUE(b().make_directories("/new"));
  ASSERT_TRUE(b().write_file("/new/file", ""));
  align_times();
  EXPECT_THAT(differences(), ElementsAre("added /new", "added /new/file", "removed /old",
                                         "removed /old/in", "removed /old/in/file"));
}

TEST_F(TreeDifference, SortsByTheBytesOfNames) {
  for (const char* name : {"a", "a-b", "a/b", "a.c", "B"}) {
    const fs::path path = host_b() / name;
    fs::create_directories(path);
  }
  align_times();
  EXPECT_THAT(differences(),
              ElementsAre("added /B", "added /a", "added /a/b", "added /a-b", "added /a.c"));
}

TEST_F(TreeDifference, TellsMetadataOfTheGuest) {
  put_both("/mode", "x");
  put_both("/owner", "x");
  put_both("/group", "x");
  put_both("/xattr", "x");
  ASSERT_TRUE(b().write_file("/mode", "x", Ownership{.mode = 04711}));
  ASSERT_TRUE(b().write_file("/owner", "x", Ownership{.uid = 5}));
  ASSERT_TRUE(b().write_file("/group", "x", Ownership{.gid = 5}));
  ASSERT_EQ(::setxattr((host_b() / "xattr").c_str(), "user.virtfs.security.capability", "c", 1, 0),
            0);
  // What only the host knows is no difference.
  fs::permissions(host_b() / "xattr", fs::perms::all);
  align_times();
  EXPECT_THAT(differences(), ElementsAre("metadata /group group", "metadata /mode mode",
                                         "metadata /owner owner", "metadata /xattr xattrs"));
}

TEST_F(TreeDifference, TellsContentBySizeAndTime) {
  put_both("/size", "1");
  put_both("/time", "1");
  put_both("/same", "1");
  ASSERT_TRUE(b().write_file("/size", "12"));
  ASSERT_TRUE(b().write_file("/same", "2"));
  align_times();
  ASSERT_EQ(std::system(("touch -d @2000 " + (host_b() / "time").string()).c_str()), 0);
  EXPECT_THAT(differences(), ElementsAre("modified /size size", "modified /time mtime"));
}

TEST_F(TreeDifference, TellsContentByBytesOnDemand) {
  put_both("/differs", "1");
  put_both("/touched", "1");
  ASSERT_TRUE(b().write_file("/differs", "2"));
  align_times();
  ASSERT_EQ(std::system(("touch -d @2000 " + (host_b() / "touched").string()).c_str()), 0);
  options_.reads_content = true;
  EXPECT_THAT(differences(), ElementsAre("modified /differs content", "metadata /touched mtime"));
}

TEST_F(TreeDifference, TellsTypesAndWhatIsBelow) {
  ASSERT_TRUE(a().make_directories("/a"));
  ASSERT_TRUE(a().write_file("/a/in", ""));
  ASSERT_TRUE(b().write_symlink("/a", "/elsewhere"));
  ASSERT_TRUE(a().write_file("/b", ""));
  ASSERT_TRUE(b().make_directories("/b/in"));
  ASSERT_TRUE(a().write_symlink("/c", "one"));
  ASSERT_TRUE(b().write_symlink("/c", "two"));
  ASSERT_TRUE(a().write_file("/d", "one"));
  ASSERT_TRUE(b().write_symlink("/d", "one"));  // The host's file is the same.
  align_times();
  EXPECT_THAT(differences(), ElementsAre("type /a", "removed /a/in", "type /b", "added /b/in",
                                         "modified /c target", "type /d"));
}

TEST_F(TreeDifference, TellsNamesThatAreOneFileInOneTreeOnly) {
  for (const auto& host : {host_a(), host_b()}) {
    for (const char* name : {"1", "2", "3", "4"}) {
      put(host / name, "same");
    }
  }
  const auto link = [](const fs::path& host, const char* from, const char* to) {
    fs::remove(host / to);
    fs::create_hard_link(host / from, host / to);
  };
  link(host_a(), "1", "2");
  link(host_a(), "3", "4");
  link(host_b(), "1", "3");
  link(host_b(), "2", "4");
  align_times();
  EXPECT_THAT(differences(),
              ElementsAre("metadata /2 links", "metadata /3 links", "metadata /4 links"));
  fs::remove(host_b() / "4");
  put(host_b() / "4", "same");
  align_times();
  EXPECT_THAT(differences(),
              ElementsAre("metadata /2 links", "metadata /3 links", "metadata /4 links"));
}

TEST_F(TreeDifference, OfATreeWithItselfNeedsNoLook) {
  put(host_a() / "file", "x");
  const UniqueFd root(::open(host_a().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  const ComparedTree same{.root = root.get(), .layout = layout_, .name = "a"};
  fs::permissions(host_a() / "file", fs::perms::none);  // Could not be read, but by root.
  options_.reads_content = true;
  EXPECT_TRUE(compare_trees(same, same, options_,
                            [](const Difference&) -> Outcome<void> { return failure("none"); }));
}

TEST_F(TreeDifference, TrustsNoInodeWhoseMetadataAreElsewhere) {
  layout_ = Layout::mapped_file;
  put(host_a() / "file", "x");
  fs::create_hard_link(host_a() / "file", host_b() / "file");
  fs::create_directory(host_b() / ".virtfs_metadata");
  put(host_b() / ".virtfs_metadata/file", "virtfs.uid=7\n");
  align_times();
  options_.parted = timespec{.tv_sec = 1LL << 40, .tv_nsec = 0};
  EXPECT_THAT(differences(), ElementsAre("metadata /file owner"));
}

TEST_F(TreeDifference, LooksOnlyWhereItIsToldTo) {
  for (const auto& guest : {a(), b()}) {
    ASSERT_TRUE(guest.make_directories("/home/me"));
    ASSERT_TRUE(guest.make_directories("/etc"));
  }
  ASSERT_TRUE(b().write_file("/home/me/f", ""));
  ASSERT_TRUE(b().write_file("/etc/f", ""));
  align_times();
  options_.path = start_a_ = start_b_ = "/home//me/";
  EXPECT_THAT(differences(), ElementsAre("added /home/me/f"));
  options_.path = start_a_ = start_b_ = "etc/f";
  EXPECT_THAT(differences(), ElementsAre("added /etc/f"));
  options_.path = start_a_ = start_b_ = "/none/at/all";
  EXPECT_THAT(differences(), ElementsAre(HasSubstr("neither a nor b has /none/at/all")));
  options_.path = start_a_ = start_b_ = "/../x";
  EXPECT_THAT(differences(), ElementsAre(HasSubstr("refusing the name")));
  options_.path = start_a_ = start_b_ = "/";
  options_.is_left_out = [](std::string_view path) { return path == "/home"; };
  EXPECT_THAT(differences(), ElementsAre("added /etc/f"));
}

TEST_F(TreeDifference, ComparesADataSetWithItsPlaceInATree) {
  ASSERT_TRUE(a().make_directories("/home/me"));
  ASSERT_TRUE(b().make_directories("/me"));
  ASSERT_TRUE(a().write_file("/home/me/f", "1"));
  ASSERT_TRUE(b().write_file("/me/f", "12"));
  align_times();
  start_a_ = "/home";
  options_.path = "/home";
  std::vector<std::string> found = differences();
  // The tree's own root has nothing recorded.
  std::erase_if(found, [](const auto& line) { return line.starts_with("metadata /home "); });
  EXPECT_THAT(found, ElementsAre("modified /home/me/f size"));
}

TEST_F(TreeDifference, TrustsCopiesThatKnowTheirOriginals) {
  for (const char* name : {"kept", "changed"}) {
    put(host_a() / name, "1");
    put(host_b() / name, "2");  // What a trusted copy cannot differ in, so that trust shows.
  }
  align_times();
  options_.reads_content = true;
  const auto state_of = [](const fs::path& path) {
    struct stat info{};
    ::stat(path.c_str(), &info);
    return InodeState{.number = info.st_ino, .ctime = info.st_ctim};
  };
  std::map<std::uint64_t, InodeState> originals;
  for (const char* name : {"kept", "changed"}) {
    originals[state_of(host_a() / name).number] = state_of(host_b() / name);
  }
  originals[state_of(host_a() / "changed").number].ctime.tv_sec -= 1;
  options_.original = [&originals](int inode) -> std::optional<InodeState> {
    struct stat info{};
    ::fstat(inode, &info);
    const auto found = originals.find(info.st_ino);
    return found == originals.end() ? std::nullopt : std::optional(found->second);
  };
  EXPECT_THAT(differences(), ElementsAre("modified /changed content"));
}

TEST_F(TreeDifference, TakesNamesAsBytes) {
  const std::string odd = "\xff\xfe\n\x01";
  put(host_b() / odd, "");
  align_times();
  EXPECT_THAT(differences(), ElementsAre("added /" + odd));
}

TEST_F(TreeDifference, GoesDeeperThanDescriptorsLast) {
  std::string path;
  for (const auto& host : {host_a(), host_b()}) {
    path.clear();
    UniqueFd directory(::open(host.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    for (int i = 0; i < 1500; ++i) {
      const std::string name(i % 2 == 0 ? 1 : 20, 'd');
      ASSERT_EQ(::mkdirat(directory.get(), name.c_str(), 0700), 0);
      directory.reset(::openat(directory.get(), name.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
      path += "/" + name;
    }
    ASSERT_EQ(::mkdirat(directory.get(), host.filename().c_str(), 0700), 0);
  }
  put(host_b() / "d/zz", "on the way back");
  std::vector<std::string> found = differences();
  std::erase_if(found, [](const auto& line) { return line.starts_with("metadata"); });
  EXPECT_THAT(found, ElementsAre("removed " + path + "/a", "added " + path + "/b", "added /d/zz"));
  EXPECT_TRUE(remove_tree(host_a().string()));
  EXPECT_TRUE(remove_tree(host_b().string()));
}

TEST_F(TreeDifference, DoesNotFollowSymlinksOfTheHost) {
  layout_ = Layout::plain;
  fs::create_directory_symlink("/usr", host_a() / "link");
  fs::create_directory_symlink("/etc", host_b() / "link");
  ASSERT_EQ(::mkfifo((host_a() / "pipe").c_str(), 0600), 0);
  ASSERT_EQ(::mkfifo((host_b() / "pipe").c_str(), 0600), 0);
  align_times();
  options_.reads_content = true;
  EXPECT_THAT(differences(), ElementsAre("modified /link target"));
}

TEST_F(TreeDifference, EndsWhenTheSinkSaysSo) {
  put(host_a() / "1", "");
  put(host_a() / "2", "");
  const UniqueFd root(::open(host_a().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  const UniqueFd empty(::open(host_b().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  int calls = 0;
  const auto compared = compare_trees({.root = root.get(), .layout = layout_, .name = "a"},
                                      {.root = empty.get(), .layout = layout_, .name = "b"},
                                      options_, [&calls](const Difference&) -> Outcome<void> {
                                        ++calls;
                                        return failure("enough");
                                      });
  ASSERT_FALSE(compared);
  EXPECT_EQ(compared.error().what(), "enough");
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace nineroot::storage
