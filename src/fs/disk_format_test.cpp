// What lies on the host's disk, byte for byte as QEMU 10.0.2 writes it.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <stdexcept>

#include <gtest/gtest.h>

#include "fs/tree.h"
#include "tests/support/temp_dir.h"

namespace nineroot::fs {
namespace {

using test::host_xattr;
using test::read_host_file;
using std::string_literals::operator""s;

class DiskFormatTest : public testing::Test {
 protected:
  void open(IdentityKind identity) {
    UniqueFd root(::open(directory.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    auto opened = Tree::open(std::move(root), {.identity = identity});
    ASSERT_TRUE(opened) << opened.error().text();
    tree = std::move(*opened);
  }

  static Name name(std::string_view text) { return *Name::parse(text); }

  [[nodiscard]] std::uint32_t host_mode(const char* file) const {
    struct stat info{};
    EXPECT_EQ(::lstat((directory.path() / file).c_str(), &info), 0);
    return info.st_mode;
  }

  test::TempDir directory;
  std::unique_ptr<Tree> tree;
  Creator creator{.uid = 1000, .gid = 4'294'967'294U};
};

TEST_F(DiskFormatTest, MappedXattrFile) {
  open(IdentityKind::mapped_xattr);
  ASSERT_TRUE(tree->create(tree->root(), name("f"), O_RDWR, 04755, creator));
  const auto path = directory.path() / "f";
  EXPECT_EQ(host_xattr(path, "user.virtfs.uid"), "\xe8\x03\0\0"s);
  EXPECT_EQ(host_xattr(path, "user.virtfs.gid"), "\xfe\xff\xff\xff"s);
  EXPECT_EQ(host_xattr(path, "user.virtfs.mode"), "\xed\x89\0\0"s);
  EXPECT_EQ(host_xattr(path, "user.virtfs.rdev"), "");
  EXPECT_EQ(host_mode("f"), S_IFREG | 0600U);
}

TEST_F(DiskFormatTest, MappedXattrDirectorySymlinkAndNodes) {
  open(IdentityKind::mapped_xattr);
  ASSERT_TRUE(tree->make_dir(tree->root(), name("d"), 01777, creator));
  EXPECT_EQ(host_xattr(directory.path() / "d", "user.virtfs.mode"), "\xff\x43\0\0"s);
  EXPECT_EQ(host_mode("d"), S_IFDIR | 0700U);
  ASSERT_TRUE(tree->make_symlink(tree->root(), name("l"), "usr/bin", creator));
  EXPECT_EQ(read_host_file(directory.path() / "l"), "usr/bin");
  EXPECT_EQ(host_xattr(directory.path() / "l", "user.virtfs.mode"), "\xff\xa1\0\0"s);
  EXPECT_EQ(host_mode("l"), S_IFREG | 0600U);
  ASSERT_TRUE(tree->make_node(tree->root(), name("c"), S_IFCHR | 0660, makedev(4, 65), creator));
  EXPECT_EQ(host_xattr(directory.path() / "c", "user.virtfs.mode"), "\xb0\x21\0\0"s);
  EXPECT_EQ(host_xattr(directory.path() / "c", "user.virtfs.rdev"), "\x41\x04\0\0\0\0\0\0"s);
  ASSERT_TRUE(tree->make_node(tree->root(), name("p"), S_IFIFO | 0600, 0, creator));
  EXPECT_EQ(host_xattr(directory.path() / "p", "user.virtfs.rdev"), std::string(8, '\0'));
}

TEST_F(DiskFormatTest, MappedXattrWithoutAKnownUserRecordsNoUid) {
  open(IdentityKind::mapped_xattr);
  creator.uid.reset();
  ASSERT_TRUE(tree->create(tree->root(), name("f"), O_RDWR, 0644, creator));
  EXPECT_EQ(host_xattr(directory.path() / "f", "user.virtfs.uid"), "");
}

TEST_F(DiskFormatTest, MappedXattrHidesAndGuardsItsRecords) {
  open(IdentityKind::mapped_xattr);
  const auto created = tree->create(tree->root(), name("f"), O_RDWR, 0644, creator);
  ASSERT_TRUE(created);
  const NodeRef node = created->found.node;
  EXPECT_EQ(tree->get_xattr(node, "user.virtfs.uid").error(), Errno{ENODATA});
  EXPECT_EQ(tree->set_xattr(node, "user.virtfs.uid", {}, 0).error(), Errno{EACCES});
  EXPECT_EQ(tree->remove_xattr(node, "user.virtfs.mode").error(), Errno{EACCES});
  EXPECT_TRUE(tree->list_xattrs(node)->empty());
}

TEST_F(DiskFormatTest, MappedXattrKeepsAclsAndCapabilitiesUnderItsPrefix) {
  open(IdentityKind::mapped_xattr);
  const auto created = tree->create(tree->root(), name("f"), O_RDWR, 0644, creator);
  ASSERT_TRUE(created);
  const NodeRef node = created->found.node;
  const std::byte value[] = {std::byte{2}, std::byte{0}};
  ASSERT_TRUE(tree->set_xattr(node, "system.posix_acl_access", value, 0));
  ASSERT_TRUE(tree->set_xattr(node, "security.capability", value, 0));
  const auto path = directory.path() / "f";
  EXPECT_EQ(host_xattr(path, "user.virtfs.system.posix_acl_access"), "\2\0"s);
  EXPECT_EQ(host_xattr(path, "user.virtfs.security.capability"), "\2\0"s);
  EXPECT_EQ(tree->get_xattr(node, "security.capability")->size(), 2U);
  EXPECT_TRUE(tree->remove_xattr(node, "system.posix_acl_access"));
  EXPECT_TRUE(tree->remove_xattr(node, "system.posix_acl_access"));  // Absent: as QEMU.
}

TEST_F(DiskFormatTest, MappedFileKeepsRecordsBesideTheFile) {
  open(IdentityKind::mapped_file);
  ASSERT_TRUE(tree->make_node(tree->root(), name("c"), S_IFCHR | 0660, makedev(4, 65), creator));
  EXPECT_EQ(read_host_file(directory.path() / ".virtfs_metadata/c"),
            "virtfs.uid=1000\nvirtfs.gid=-2\nvirtfs.mode=8624\nvirtfs.rdev=1089\n");
  EXPECT_EQ(host_mode(".virtfs_metadata"), S_IFDIR | 0700U);
  EXPECT_EQ(host_mode(".virtfs_metadata/c"), S_IFREG | 0600U);
  EXPECT_EQ(tree->lookup(tree->root(), name(".virtfs_metadata")).error(), Errno{EINVAL});
}

TEST_F(DiskFormatTest, MappedFileRecordsOfTheRootAreInIt) {
  open(IdentityKind::mapped_file);
  ASSERT_TRUE(tree->set_attr(tree->root(), {.mode = 0711}, nullptr));
  EXPECT_EQ(read_host_file(directory.path() / ".virtfs_metadata_root"), "virtfs.mode=16841\n");
  EXPECT_EQ(tree->attr(tree->root())->mode, S_IFDIR | 0711U);
}

TEST_F(DiskFormatTest, MappedFileRecordsFollowRenamesAndLinks) {
  open(IdentityKind::mapped_file);
  const NodeRef root = tree->root();
  ASSERT_TRUE(tree->create(root, name("a"), O_RDWR, 0750, creator));
  ASSERT_TRUE(tree->make_dir(root, name("d"), 0755, creator));
  const NodeRef dir = tree->lookup(root, name("d"))->node;
  const NodeRef file = tree->lookup(root, name("a"))->node;
  ASSERT_TRUE(tree->link(file, dir, name("b")));
  ASSERT_TRUE(tree->rename(root, name("a"), dir, name("c")));
  EXPECT_FALSE(std::filesystem::exists(directory.path() / ".virtfs_metadata/a"));
  ASSERT_TRUE(tree->set_attr(tree->lookup(dir, name("b"))->node, {.mode = 0700}, nullptr));
  EXPECT_EQ(tree->lookup(dir, name("c"))->attr.mode, S_IFREG | 0700U);
  ASSERT_TRUE(tree->remove(dir, name("b"), false));
  ASSERT_TRUE(tree->remove(dir, name("c"), false));
  ASSERT_TRUE(tree->remove(root, name("d"), true));
}

TEST_F(DiskFormatTest, MappedFileForgetsTheRecordsOfAReplacedFile) {
  open(IdentityKind::mapped_file);
  const NodeRef root = tree->root();
  ASSERT_TRUE(tree->create(root, name("target"), O_RDWR, 04711, creator));
  test::write_host_file(directory.path() / "plain", "made by the host");
  ASSERT_TRUE(tree->rename(root, name("plain"), root, name("target")));
  EXPECT_EQ(tree->lookup(root, name("target"))->attr.mode & 07000U, 0U);
}

TEST_F(DiskFormatTest, FailedRemovalKeepsMappedFileRecords) {
  open(IdentityKind::mapped_file);
  const NodeRef root = tree->root();
  ASSERT_TRUE(tree->make_dir(root, name("d"), 01777, creator));
  ASSERT_TRUE(tree->create(tree->lookup(root, name("d"))->node, name("f"), O_RDWR, 0600, creator));
  EXPECT_EQ(tree->remove(root, name("d"), true).error(), Errno{ENOTEMPTY});
  EXPECT_EQ(tree->lookup(root, name("d"))->attr.mode, S_IFDIR | 01777U);
}

/// Somebody whom a directory's mode can stop, for as long as it lives.
class NotRoot {
 public:
  explicit NotRoot(const test::TempDir& theirs) {
    constexpr uid_t kSomebody = 12345;
    if (was_root_ &&
        (::chown(theirs.path().c_str(), kSomebody, kSomebody) != 0 || ::seteuid(kSomebody) != 0)) {
      throw std::runtime_error("cannot give root up");
    }
  }

  ~NotRoot() {
    if (was_root_) {
      [[maybe_unused]] const int done = ::seteuid(0);
    }
  }

 private:
  bool was_root_ = ::geteuid() == 0;
};

TEST_F(DiskFormatTest, FailedRenamesAndRemovalsKeepSharedMappedFileRecordsShared) {
  const NotRoot not_root(directory);
  open(IdentityKind::mapped_file);
  const NodeRef root = tree->root();
  const NodeRef dir = tree->make_dir(root, name("d"), 0755, creator)->node;
  const NodeRef file = tree->create(dir, name("target"), O_RDWR, 0640, creator)->found.node;
  ASSERT_TRUE(tree->link(file, root, name("other")));
  ASSERT_TRUE(tree->create(root, name("source"), O_RDWR, 0600, creator));
  std::filesystem::permissions(directory.path() / "d", std::filesystem::perms(0555));
  EXPECT_EQ(tree->rename(root, name("source"), dir, name("target")).error(), Errno{EACCES});
  EXPECT_EQ(tree->remove(dir, name("target"), false).error(), Errno{EACCES});
  std::filesystem::permissions(directory.path() / "d", std::filesystem::perms(0755));
  EXPECT_EQ(std::filesystem::hard_link_count(directory.path() / ".virtfs_metadata/other"), 2U);
  ASSERT_TRUE(tree->set_attr(tree->lookup(root, name("other"))->node, {.mode = 04711}, nullptr));
  EXPECT_EQ(tree->lookup(dir, name("target"))->attr.mode, S_IFREG | 04711U);
  EXPECT_EQ(tree->lookup(root, name("source"))->attr.mode, S_IFREG | 0600U);
}

TEST_F(DiskFormatTest, MappedFileLeavesNoRecordsOfWhatIsGone) {
  open(IdentityKind::mapped_file);
  // Nor what a server that died in the middle has left, here of a record with two names.
  const NodeRef root = tree->root();
  ASSERT_TRUE(tree->create(root, name("a"), O_RDWR, 0640, creator));
  ASSERT_TRUE(tree->create(root, name("b"), O_RDWR, 0640, creator));
  std::filesystem::create_hard_link(directory.path() / ".virtfs_metadata/b",
                                    directory.path() / ".virtfs_metadata/.virtfs_metadata");
  ASSERT_TRUE(tree->rename(root, name("a"), root, name("b")));
  std::filesystem::create_hard_link(directory.path() / ".virtfs_metadata/b",
                                    directory.path() / ".virtfs_metadata/.virtfs_metadata");
  ASSERT_TRUE(tree->remove(root, name("b"), false));
  EXPECT_TRUE(std::filesystem::is_empty(directory.path() / ".virtfs_metadata"));
}

TEST_F(DiskFormatTest, NewMappedFileDoesNotInheritARecordThatAnotherShares) {
  open(IdentityKind::mapped_file);
  const NodeRef root = tree->root();
  ASSERT_TRUE(tree->create(root, name("a"), O_RDWR, 0640, creator));
  ASSERT_TRUE(tree->link(tree->lookup(root, name("a"))->node, root, name("b")));
  std::filesystem::remove(directory.path() / "a");  // The host leaves the record behind.
  ASSERT_TRUE(tree->create(root, name("a"), O_RDWR, 04755, creator));
  EXPECT_EQ(tree->lookup(root, name("b"))->attr.mode, S_IFREG | 0640U);
  EXPECT_EQ(tree->lookup(root, name("a"))->attr.mode, S_IFREG | 04755U);
}

TEST_F(DiskFormatTest, MappedFileKeepsNoDescriptorsOfWhatIsGone) {
  open(IdentityKind::mapped_file);
  const NodeRef root = tree->root();
  const auto descriptors = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
  };
  const auto before = descriptors();
  for (int i = 0; i < 50; ++i) {
    const auto created = tree->create(root, name("a"), O_RDWR, 0640, creator);
    ASSERT_TRUE(created);
    ASSERT_TRUE(tree->link(created->found.node, root, name("b")));
    ASSERT_TRUE(tree->remove(root, name("a"), false));
    ASSERT_TRUE(tree->lookup(root, name("b")));
    ASSERT_TRUE(tree->remove(root, name("b"), false));
  }
  EXPECT_EQ(descriptors(), before);
}

TEST_F(DiskFormatTest, FileOfTheHostIsShownAsItIs) {
  open(IdentityKind::mapped_xattr);
  test::write_host_file(directory.path() / "f", "x");
  std::filesystem::permissions(directory.path() / "f", std::filesystem::perms(0640));
  const auto found = tree->lookup(tree->root(), name("f"));
  EXPECT_EQ(found->attr.mode, S_IFREG | 0640U);
  EXPECT_EQ(found->attr.uid, ::geteuid());
}

TEST_F(DiskFormatTest, RecordChangedByTheHostIsSeenAtOnce) {
  open(IdentityKind::mapped_xattr);
  const auto created = tree->create(tree->root(), name("f"), O_RDWR, 0644, creator);
  ASSERT_TRUE(created);
  const std::string mode = "\xc0\x81\0\0"s;  // 0100700
  for (int i = 0; i < 200; ++i) {
    EXPECT_EQ(tree->attr(created->found.node)->mode, S_IFREG | 0644U);
    ASSERT_EQ(::setxattr((directory.path() / "f").c_str(), "user.virtfs.mode", mode.data(),
                         mode.size(), 0),
              0);
    EXPECT_EQ(tree->attr(created->found.node)->mode, S_IFREG | 0700U);
    ASSERT_TRUE(tree->set_attr(created->found.node, {.mode = 0644}, nullptr));
  }
}

}  // namespace
}  // namespace nineroot::fs
