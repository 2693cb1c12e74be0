#include "vm/decompress.h"

#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>

namespace nineroot::vm {
namespace {

constexpr std::size_t kLimit = 1U << 20U;

std::string compress(const std::string& content, const char* filter) {
  archive* writer = archive_write_new();
  archive_write_add_filter_by_name(writer, filter);
  archive_write_set_format_raw(writer);
  std::string packed(content.size() + 4096, '\0');
  std::size_t used = 0;
  EXPECT_EQ(archive_write_open_memory(writer, packed.data(), packed.size(), &used), ARCHIVE_OK);
  archive_entry* entry = archive_entry_new();
  archive_entry_set_filetype(entry, AE_IFREG);
  archive_write_header(writer, entry);
  archive_write_data(writer, content.data(), content.size());
  archive_entry_free(entry);
  archive_write_close(writer);
  archive_write_free(writer);
  packed.resize(used);
  return packed;
}

std::string sample() {
  std::string text;
  for (int i = 0; i < 20'000; ++i) {
    text += std::to_string(i * i);
  }
  return text;
}

TEST(Decompress, UndoesEachOfTheKernelsThreeWays) {
  for (const char* filter : {"gzip", "xz", "zstd"}) {
    const std::string packed = compress(sample(), filter);
    EXPECT_LT(packed.size(), sample().size()) << filter;
    const Outcome<std::string> content = decompress(packed, kLimit);
    ASSERT_TRUE(content) << filter << content.error().text();
    EXPECT_EQ(*content, sample()) << filter;
  }
}

TEST(Decompress, LeavesOtherFilesAsTheyAre) {
  for (const std::string& text : {std::string(),
                                  std::string("\x7f"
                                              "ELF"),
                                  sample()}) {
    EXPECT_EQ(decompress(text, kLimit).value(), text);
  }
}

TEST(Decompress, RefusesWhatIsDamaged) {
  for (const char* filter : {"gzip", "xz", "zstd"}) {
    const std::string packed = compress(sample(), filter);
    EXPECT_FALSE(decompress(packed.substr(0, packed.size() / 2), kLimit)) << filter;
  }
}

TEST(Decompress, RefusesWhatGrowsOverTheLimit) {
  const std::string packed = compress(std::string(kLimit + 1, 'x'), "xz");
  EXPECT_FALSE(decompress(packed, kLimit));
  EXPECT_TRUE(decompress(packed, kLimit + 1));
}

}  // namespace
}  // namespace nineroot::vm
