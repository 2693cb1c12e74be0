// Trees that nobody sane has made: records that contradict the file they are of, or are no records.
// What they say may be wrong; it is the same in every answer, nothing hangs, and all can be mended.
#include "tests/conformance/posix.h"

namespace nineroot::test {
namespace {

/// Of a directory's entry, every way to ask for its type; the same each time.
std::uint32_t type_from_all(Client9p& client, Calls calls, const std::string& name) {
  const auto walked = client.walk(0, 40, {name});
  EXPECT_TRUE(walked);
  const auto attr = client.getattr(40);
  EXPECT_TRUE(attr);
  EXPECT_EQ(walked->wqid[0], attr->qid);
  const auto entries = calls.list(0);
  for (const Entry& entry : *entries) {
    if (entry.name == name) {
      EXPECT_EQ(std::uint32_t{entry.type} << 12U, attr->mode & S_IFMT);
      EXPECT_EQ(entry.qid, attr->qid);
    }
  }
  const std::uint32_t type = attr->mode & S_IFMT;
  const auto opened = client.open(40, O_RDONLY);
  if (type == S_IFREG || type == S_IFDIR) {
    EXPECT_TRUE(opened);
    EXPECT_EQ(opened->qid, attr->qid);
  } else {
    EXPECT_ERRNO(type == S_IFLNK ? ELOOP : ENXIO, opened);
  }
  EXPECT_EQ(client.readlink(40).has_value(), type == S_IFLNK);
  return type;
}

void set_host_xattr(const std::filesystem::path& path, const char* name, std::string_view value) {
  ASSERT_EQ(::setxattr(path.c_str(), name, value.data(), value.size(), 0), 0);
}

class BadXattrs : public testing::Test {
 protected:
  ServedTree served;
  Client9p& client = served.client();
  Calls calls{client};
};

TEST_F(BadXattrs, WrongLengthsCountAsAbsent) {
  for (const char* field : {"uid", "gid", "mode", "rdev"}) {
    for (std::size_t length : {0U, 1U, 2U, 3U, 5U, 6U, 7U, 9U, 300U}) {
      SCOPED_TRACE(std::string(field) + " of " + std::to_string(length));
      const auto path = served.path() / "f";
      write_host_file(path, "content");
      const std::string name = std::string("user.virtfs.") + field;
      set_host_xattr(path, name.c_str(), std::string(length, '\x41'));
      EXPECT_EQ(type_from_all(client, calls, "f"), std::uint32_t{S_IFREG});
      const auto attr = *client.getattr(40);
      EXPECT_EQ(attr.uid, ::geteuid());
      EXPECT_EQ(attr.gid, ::getegid());
      EXPECT_EQ(attr.rdev, 0U);
      // And a new record replaces it.
      EXPECT_TRUE(calls.chown(40, 12, 34));
      EXPECT_TRUE(client.chmod(40, 0751));
      EXPECT_EQ(client.getattr(40)->uid, 12U);
      EXPECT_EQ(client.getattr(40)->gid, 34U);
      EXPECT_EQ(client.getattr(40)->mode, S_IFREG | 0751U);
      EXPECT_TRUE(client.unlink(0, "f"));
    }
  }
}

TEST_F(BadXattrs, EveryRecordedTypeOnEveryHostType) {
  for (const bool is_directory : {false, true}) {
    for (std::uint32_t type = 0; type <= S_IFMT; type += 010000) {
      SCOPED_TRACE(std::to_string(type >> 12U) + (is_directory ? " on directory" : " on file"));
      const auto path = served.path() / "x";
      if (is_directory) {
        std::filesystem::create_directory(path);
      } else {
        write_host_file(path, "content");
      }
      const auto mode = mapped::encode_u32(type | 0640);
      set_host_xattr(path, "user.virtfs.mode",
                     {reinterpret_cast<const char*>(mode.data()), mode.size()});
      const std::uint32_t shown = type_from_all(client, calls, "x");
      EXPECT_EQ(shown == S_IFDIR, is_directory);
      EXPECT_EQ(client.getattr(40)->mode & 07777U, 0640U);
      EXPECT_EQ(client.create(0, 41, "x", O_RDWR, 0600, 0).has_value(), shown == S_IFREG);
      EXPECT_TRUE(client.chmod(40, 0600));
      EXPECT_EQ(client.getattr(40)->mode, shown | 0600);
      EXPECT_TRUE(client.rename(0, "x", 0, "y"));
      EXPECT_TRUE(calls.remove(is_directory ? S_IFDIR : S_IFREG, "y"));
    }
  }
}

TEST_F(BadXattrs, SymlinkTargetsThatAreNone) {
  const auto mode = mapped::encode_u32(S_IFLNK | 0777);
  const std::pair<std::string, int> targets[] = {{std::string(), 0},
                                                 {std::string("a\0b", 3), 0},
                                                 {std::string(5000, 't'), 0},
                                                 {std::string(8193, 't'), ENAMETOOLONG},
                                                 {std::string(3'000'000, 't'), ENAMETOOLONG}};
  for (const auto& [target, error] : targets) {
    SCOPED_TRACE(target.size());
    write_host_file(served.path() / "l", target);
    set_host_xattr(served.path() / "l", "user.virtfs.mode",
                   {reinterpret_cast<const char*>(mode.data()), mode.size()});
    ASSERT_TRUE(client.walk(0, 1, {"l"}));
    EXPECT_EQ(client.getattr(1)->size, target.size());
    if (error == 0) {
      EXPECT_EQ(client.readlink(1), target);
    } else {
      EXPECT_ERRNO(error, client.readlink(1));
    }
    EXPECT_TRUE(client.unlink(0, "l"));
  }
}

TEST_F(BadXattrs, DevicesWithoutANumber) {
  write_host_file(served.path() / "n", "");
  const auto mode = mapped::encode_u32(S_IFBLK | 0600);
  set_host_xattr(served.path() / "n", "user.virtfs.mode",
                 {reinterpret_cast<const char*>(mode.data()), mode.size()});
  EXPECT_EQ(calls.stat("n")->mode, S_IFBLK | 0600U);
  EXPECT_EQ(calls.stat("n")->rdev, 0U);
  set_host_xattr(served.path() / "n", "user.virtfs.rdev", std::string(8, '\xff'));
  EXPECT_TRUE(calls.stat("n"));
}

TEST_F(BadXattrs, TheRootToo) {
  set_host_xattr(served.path(), "user.virtfs.mode", "junk");
  set_host_xattr(served.path(), "user.virtfs.uid", "toolong");
  EXPECT_TRUE(S_ISDIR(client.getattr(0)->mode));
  EXPECT_EQ(client.getattr(0)->uid, ::geteuid());
  EXPECT_TRUE(calls.touch("f"));
}

using ReservedNames = PosixTest;
INSTANTIATE_TEST_SUITE_P(Every, ReservedNames, every_identity(), name_of_identity);

TEST_P(ReservedNames, AreOrdinaryWhereNothingIsKeptInThem) {
  ASSERT_TRUE(calls.touch("f", "x", 0, 0751));
  for (const char* name : {".virtfs_metadata", ".virtfs_metadata_root"}) {
    SCOPED_TRACE(name);
    if (identity() == fs::IdentityKind::mapped_file) {
      EXPECT_ERRNO(EINVAL, client.walk(0, 1, {name}));
      EXPECT_ERRNO(EINVAL, client.create(0, 1, name, O_RDWR, 0644, 0));
      EXPECT_ERRNO(EINVAL, calls.mkdir(name));
      EXPECT_ERRNO(EINVAL, calls.symlink("x", name));
      EXPECT_ERRNO(EINVAL, calls.mknod(name, S_IFIFO | 0600));
      EXPECT_ERRNO(EINVAL, client.rename(0, "f", 0, name));
      EXPECT_ERRNO(EINVAL, client.rename(0, name, 0, "g"));
      EXPECT_ERRNO(EINVAL, client.unlink(0, name));
      EXPECT_ERRNO(EINVAL, calls.remove(S_IFDIR, name));
      ASSERT_TRUE(client.walk(0, 2, {"f"}));
      EXPECT_ERRNO(EINVAL, calls.link(2, name));
      EXPECT_EQ(calls.names(0), (std::multiset<std::string>{"f"}));
    } else {
      EXPECT_TRUE(calls.mkdir(name, 0700));
      ASSERT_TRUE(client.walk(0, 1, {name}));
      EXPECT_TRUE(calls.touch("f", "guest's own", 1));
      EXPECT_TRUE(calls.names(0).contains(name));
    }
  }
  EXPECT_EQ(calls.stat("f")->mode, S_IFREG | 0751U);
}

/// mapped-file: what may lie where the record of "f" is looked for.
class BadMetadata : public testing::Test {
 protected:
  void SetUp() override {
    write_host_file(served.path() / "f", "content");
    std::filesystem::create_directory(served.path() / "d");
    write_host_file(outside.path() / "secret", "virtfs.uid=4711\nvirtfs.mode=33261\n");
  }

  /// "f" is shown with the host's values, and can still be used, moved and removed.
  void expect_usable(bool can_record) {
    ASSERT_TRUE(client.walk(0, 1, {"f"}));
    EXPECT_EQ(client.getattr(1)->mode & S_IFMT, std::uint32_t{S_IFREG});
    EXPECT_NE(client.getattr(1)->uid, 4711U);
    EXPECT_EQ(calls.names(0), (std::multiset<std::string>{"d", "f"}));
    const auto changed = client.chmod(1, 0640);
    EXPECT_EQ(changed.has_value(), can_record);
    if (can_record) {
      EXPECT_EQ(client.getattr(1)->mode, S_IFREG | 0640U);
    }
    ASSERT_TRUE(client.walk(0, 2, {"f"}));
    EXPECT_TRUE(client.open(2, O_RDWR));
    EXPECT_EQ(client.read(2, 0, 100), "content");
    EXPECT_EQ(read_host_file(outside.path() / "secret"), "virtfs.uid=4711\nvirtfs.mode=33261\n");
  }

  [[nodiscard]] std::filesystem::path record() const {
    return served.path() / ".virtfs_metadata/f";
  }

  TempDir outside;
  ServedTree served{{.identity = fs::IdentityKind::mapped_file}};
  Client9p& client = served.client();
  Calls calls{client};
};

TEST_F(BadMetadata, TextThatIsNoRecord) {
  std::filesystem::create_directory(served.path() / ".virtfs_metadata");
  for (const std::string& text :
       {std::string(), std::string("\n\n\n"), std::string("=\n==\n=5"), std::string(4, '\0'),
        std::string("virtfs.uid"), std::string("virtfs.uid=\nvirtfs.gid=x\nvirtfs.mode=-"),
        std::string("virtfs.uid=99999999999999999999999999\n"), std::string("\xff\xfe\x80"),
        std::string(1'000'000, 'v'), std::string("virtfs.mode=16877\n")}) {
    SCOPED_TRACE(text.substr(0, 30));
    write_host_file(record(), text);
    expect_usable(true);
  }
}

TEST_F(BadMetadata, RecordThatIsADirectory) {
  std::filesystem::create_directories(record());
  expect_usable(false);
}

TEST_F(BadMetadata, RecordThatIsAFifoHoldsNobodyUp) {
  std::filesystem::create_directory(served.path() / ".virtfs_metadata");
  ASSERT_EQ(::mkfifo(record().c_str(), 0600), 0);
  expect_usable(false);
  EXPECT_TRUE(client.unlink(0, "f"));
}

TEST_F(BadMetadata, RecordThatIsASymlinkIsNotFollowed) {
  std::filesystem::create_directory(served.path() / ".virtfs_metadata");
  std::filesystem::create_symlink(outside.path() / "secret", record());
  expect_usable(false);
  EXPECT_TRUE(client.unlink(0, "f"));
}

TEST_F(BadMetadata, DirectoryOfRecordsThatIsAFile) {
  write_host_file(served.path() / ".virtfs_metadata", "junk");
  expect_usable(false);
  EXPECT_FALSE(calls.touch("new"));
  EXPECT_FALSE(calls.mkdir("new"));
  EXPECT_EQ(calls.names(0), (std::multiset<std::string>{"d", "f"}));
  EXPECT_TRUE(client.unlink(0, "f"));
}

TEST_F(BadMetadata, DirectoryOfRecordsThatIsASymlinkIsNotFollowed) {
  std::filesystem::copy_file(outside.path() / "secret", outside.path() / "f");
  std::filesystem::create_symlink(outside.path(), served.path() / ".virtfs_metadata");
  expect_usable(false);
  for (const char* name : {"new", "g", "h"}) {
    write_host_file(outside.path() / name, "not the server's");
  }
  EXPECT_FALSE(calls.touch("new"));
  ASSERT_TRUE(client.walk(0, 1, {"f"}));
  (void)calls.link(1, "g");
  EXPECT_TRUE(client.rename(0, "f", 0, "h"));
  EXPECT_TRUE(client.unlink(0, "h"));
  for (const char* name : {"f", "new", "g", "h"}) {
    EXPECT_TRUE(std::filesystem::exists(outside.path() / name)) << name;
  }
}

TEST_F(BadMetadata, DirectoryWithOddRecordsCanBeRemoved) {
  const auto inner = served.path() / "d/.virtfs_metadata";
  std::filesystem::create_symlink(outside.path(), inner);
  EXPECT_TRUE(calls.remove(S_IFDIR, "d"));
  EXPECT_TRUE(std::filesystem::exists(outside.path() / "secret"));
  std::filesystem::create_directory(served.path() / "d");
  std::filesystem::create_directory(inner);
  write_host_file(inner / "left-behind", "virtfs.uid=1\n");
  std::filesystem::create_directory(inner / "directory");
  std::filesystem::create_symlink("/", inner / "link");
  ASSERT_EQ(::mkfifo((inner / "fifo").c_str(), 0600), 0);
  EXPECT_TRUE(calls.remove(S_IFDIR, "d"));
  EXPECT_FALSE(std::filesystem::exists(served.path() / "d"));
}

}  // namespace
}  // namespace nineroot::test
