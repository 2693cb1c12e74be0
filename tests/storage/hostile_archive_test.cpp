// Archives that are broken or mean harm: each ends in a Failure of its own, and nothing outside the
// tree is touched.
#include <archive.h>
#include <archive_entry.h>

#include "tests/storage/importing.h"

namespace nineroot::testing_support {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

/// `bytes` through one of libarchive's compressors.
std::string compress(const std::string& bytes, int (*add_filter)(archive*)) {
  archive* writer = ::archive_write_new();
  ::archive_write_set_format_raw(writer);
  add_filter(writer);
  std::string result(bytes.size() + 65536, '\0');
  std::size_t used = 0;
  ::archive_write_open_memory(writer, result.data(), result.size(), &used);
  archive_entry* entry = ::archive_entry_new();
  ::archive_entry_set_pathname(entry, "tar");
  ::archive_entry_set_filetype(entry, AE_IFREG);
  ::archive_write_header(writer, entry);
  ::archive_write_data(writer, bytes.data(), bytes.size());
  ::archive_entry_free(entry);
  ::archive_write_free(writer);
  result.resize(used);
  return result;
}

class HostileArchive : public Importing {};

TEST_F(HostileArchive, CannotNameItsWayOut) {
  for (const char* name : {"../evil", "a/../../evil", "a/..", ".."}) {
    EXPECT_THAT(failure_of(TarBuilder().file(name, "x").done()), HasSubstr("refusing the name"))
        << name;
  }
  EXPECT_THAT(failure_of(TarBuilder().hard_link("a", "../../etc/passwd").done()),
              HasSubstr("refusing the name"));
  EXPECT_FALSE(std::filesystem::exists(outside() / "evil"));
}

TEST_F(HostileArchive, HasAbsoluteNamesTakenInside) {
  const std::string name = (outside() / "evil").string();
  import_good(TarBuilder().file(name, "x"));
  EXPECT_FALSE(std::filesystem::exists(name));
  EXPECT_EQ(tree().read_file(name), "x");
}

TEST_F(HostileArchive, CannotWriteThroughItsOwnSymlinks) {
  const std::string target = outside().string();
  import_good(TarBuilder()
                  .directory(target)
                  .symlink("abs", target)
                  .file("abs/evil", "x")
                  .symlink("up", "../../../../../..")
                  .file("up/evil2", "x"));
  EXPECT_FALSE(std::filesystem::exists(outside() / "evil"));
  EXPECT_EQ(tree().read_file(target + "/evil"), "x");
  EXPECT_EQ(host_content("evil2"), "x");
}

TEST_F(HostileArchive, CannotLoopThroughSymlinks) {
  EXPECT_THAT(failure_of(TarBuilder().symlink("a", "b").symlink("b", "a").file("a/x", "").done()),
              HasSubstr("ELOOP"));
}

TEST_F(HostileArchive, CannotPassThroughFiles) {
  EXPECT_THAT(failure_of(TarBuilder().file("a", "").file("a/b", "").done()),
              HasSubstr("cannot write a/b"));
}

TEST_F(HostileArchive, CannotForgeRecords) {
  const std::string text = failure_of(
      TarBuilder()
          .add({.name = "f", .pax = {{"SCHILY.xattr.user.virtfs.uid", std::string(4, '\0')}}})
          .done());
  EXPECT_THAT(text, HasSubstr("user.virtfs.uid, which only the host may set"));
  EXPECT_THAT(text, HasSubstr("hint: this is an archive of a mapped tree"));
}

TEST_F(HostileArchive, CannotWriteTheMetadataOfAMappedFileTree) {
  for (const char* name : {".virtfs_metadata", "d/.virtfs_metadata/x", "d/.virtfs_metadata_root"}) {
    const auto done =
        import_bytes(TarBuilder().directory("d").file("d/x", "").file(name, "").done(),
                     storage::Layout::mapped_file);
    ASSERT_FALSE(done) << name;
    EXPECT_THAT(done.error().text(), HasSubstr("keeps for itself"));
  }
}

TEST_F(HostileArchive, CannotBringAFalseAcl) {
  EXPECT_THAT(
      failure_of(TarBuilder()
                     .add({.name = "f", .pax = {{"SCHILY.xattr.system.posix_acl_access", "xx"}}})
                     .done()),
      HasSubstr("is no ACL"));
  EXPECT_THAT(failure_of(TarBuilder()
                             .add({.name = "f",
                                   .pax = {{"SCHILY.acl.access",
                                            "user::rw-,user:nobody9:r--,group::r--,mask::r--,"
                                            "other::r--"}}})
                             .done()),
              HasSubstr("names 'nobody9'"));
}

TEST_F(HostileArchive, CannotLinkToWhatIsNotThere) {
  EXPECT_THAT(failure_of(TarBuilder().hard_link("a", "none").done()),
              HasSubstr("a is a hard link to none, which is not in the archive"));
  EXPECT_THAT(failure_of(TarBuilder().hard_link("a", "b").hard_link("b", "a").done()),
              HasSubstr("which is not in the archive"));
  EXPECT_THAT(failure_of(TarBuilder().directory("d").hard_link("a", "d").done()),
              HasSubstr("hard link to the directory d"));
}

TEST_F(HostileArchive, CannotReplaceADirectoryWithThingsInIt) {
  EXPECT_THAT(failure_of(TarBuilder().file("d/x", "").file("d", "").done()),
              HasSubstr("d is first a directory with files in it"));
}

TEST_F(HostileArchive, CannotAnnounceAbsurdSizes) {
  for (const std::int64_t size :
       {std::int64_t{1} << 40, std::int64_t{1} << 50, std::numeric_limits<std::int64_t>::max()}) {
    const auto done = import_bytes(
        TarBuilder().add({.name = "f", .content = "small", .announced_size = size}).done());
    EXPECT_FALSE(done) << size;
  }
  struct stat info = host_stat(".");
  EXPECT_LT(info.st_blocks, 100);
  EXPECT_THAT(failure_of(TarBuilder()
                             .add({.name = "g",
                                   .pax = {{"GNU.sparse.major", "1"},
                                           {"GNU.sparse.minor", "0"},
                                           {"GNU.sparse.realsize", "9000000000000000000"}}})
                             .done()),
              testing::Not(HasSubstr("no failure")));
}

TEST_F(HostileArchive, CannotHaveOwnersThatAreNone) {
  EXPECT_THAT(failure_of(TarBuilder().add({.name = "f", .uid = 4'294'967'295}).done()),
              HasSubstr("has an owner"));
  EXPECT_THAT(failure_of(TarBuilder().add({.name = "f", .gid = 1ULL << 40}).done()),
              HasSubstr("has an owner"));
}

TEST_F(HostileArchive, CannotHaveNamesThatNoFileSystemTakes) {
  EXPECT_THAT(failure_of(TarBuilder().file(std::string(256, 'n'), "").done()),
              HasSubstr("ENAMETOOLONG"));
  std::string deep;
  for (int i = 0; i < 5000; ++i) {
    deep += "d/";
  }
  EXPECT_THAT(failure_of(TarBuilder().file(deep, "").done()), HasSubstr("directories deep"));
  EXPECT_THAT(failure_of(TarBuilder().symlink("l", std::string(5000, 't')).done()),
              HasSubstr("too long target"));
}

TEST_F(HostileArchive, CannotSendEscapesToTheTerminal) {
  const std::string text = failure_of(TarBuilder().file("\x1b[2J/../x", "").done());
  EXPECT_THAT(text, HasSubstr("\\x1b[2J"));
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST_F(HostileArchive, IsFoundOutWhereverItIsCutOff) {
  const TarBuilder tar = TarBuilder().file("a", std::string(700, 'a')).symlink("b", "a");
  for (std::size_t length = 1; length <= tar.open_end().size(); length += 97) {
    const std::string cut = tar.open_end().substr(0, length);
    EXPECT_FALSE(import_bytes(cut)) << "cut after " << length;
  }
  EXPECT_THAT(failure_of(tar.open_end()), HasSubstr("ends without an end mark"));
}

TEST_F(HostileArchive, IsFoundOutWhenItsCompressionIsCutOff) {
  const std::string whole = TarBuilder().file("a", std::string(100'000, 'a')).done();
  for (const auto filter : {&::archive_write_add_filter_gzip, &::archive_write_add_filter_xz,
                            &::archive_write_add_filter_zstd, &::archive_write_add_filter_bzip2}) {
    const std::string packed = compress(whole, filter);
    EXPECT_FALSE(import_bytes(packed.substr(0, packed.size() / 2)));
    const auto good = import_bytes(packed);
    EXPECT_TRUE(good) << good.error().text();
    EXPECT_EQ(tree().stat("/a")->size, 100'000U);
  }
}

TEST_F(HostileArchive, IsNotAnArchiveAtAll) {
  EXPECT_THAT(failure_of("hello, this is text\n"), HasSubstr("hint: give a tar file"));
  EXPECT_THAT(failure_of(""), HasSubstr("hint: give a tar file"));
  EXPECT_THAT(failure_of(std::string(10240, '\0')), HasSubstr("has no entries"));
}

}  // namespace
}  // namespace nineroot::testing_support
