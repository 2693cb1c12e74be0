#include "vm/cpio_archive.h"

#include <sys/sysmacros.h>

#include <vector>

#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>

namespace nineroot::vm {
namespace {

struct Member {
  std::string path;
  mode_t mode = 0;
  dev_t device = 0;
  std::string content;
};

// libarchive's reader is the judge of what we write.
std::vector<Member> read_back(const std::string& bytes) {
  std::vector<Member> members;
  archive* reader = archive_read_new();
  archive_read_support_format_cpio(reader);
  EXPECT_EQ(archive_read_open_memory(reader, bytes.data(), bytes.size()), ARCHIVE_OK);
  archive_entry* entry = nullptr;
  while (archive_read_next_header(reader, &entry) == ARCHIVE_OK) {
    Member member{archive_entry_pathname(entry), archive_entry_mode(entry),
                  archive_entry_rdev(entry), ""};
    member.content.resize(static_cast<std::size_t>(archive_entry_size(entry)));
    EXPECT_EQ(archive_read_data(reader, member.content.data(), member.content.size()),
              static_cast<la_ssize_t>(member.content.size()));
    EXPECT_EQ(archive_entry_uid(entry), 0);
    EXPECT_EQ(archive_entry_gid(entry), 0);
    members.push_back(std::move(member));
  }
  archive_read_free(reader);
  return members;
}

TEST(CpioArchive, HoldsWhatWasPutIn) {
  CpioArchive archive;
  archive.add_directory("dev", 0755);
  archive.add_character_device("dev/console", 0600, 5, 1);
  archive.add_file("init", 0700, std::string("a\0b", 3));
  const std::vector<Member> members = read_back(std::move(archive).finish());
  ASSERT_EQ(members.size(), 3U);
  EXPECT_EQ(members[0].path, "dev");
  EXPECT_EQ(members[0].mode, S_IFDIR | 0755U);
  EXPECT_EQ(members[1].path, "dev/console");
  EXPECT_EQ(members[1].mode, S_IFCHR | 0600U);
  EXPECT_EQ(members[1].device, makedev(5, 1));
  EXPECT_EQ(members[2].path, "init");
  EXPECT_EQ(members[2].mode, S_IFREG | 0700U);
  EXPECT_EQ(members[2].content, std::string("a\0b", 3));
}

TEST(CpioArchive, IsPaddedForEveryLengthOfNameAndContent) {
  CpioArchive archive;
  for (std::size_t size = 0; size < 9; ++size) {
    archive.add_file(std::string(size + 1, 'n'), 0644, std::string(size, 'c'));
  }
  const std::string bytes = std::move(archive).finish();
  EXPECT_EQ(bytes.size() % 4, 0U);
  const std::vector<Member> members = read_back(bytes);
  ASSERT_EQ(members.size(), 9U);
  for (std::size_t size = 0; size < 9; ++size) {
    EXPECT_EQ(members[size].path, std::string(size + 1, 'n'));
    EXPECT_EQ(members[size].content, std::string(size, 'c'));
  }
}

}  // namespace
}  // namespace nineroot::vm
