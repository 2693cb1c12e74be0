#include "storage/dedup/content_hash.h"

#include <fcntl.h>

#include <string>

#include <gtest/gtest.h>

#include "base/unique_fd.h"
#include "storage/scratch_directory.h"

namespace nineroot::storage {
namespace {

class ContentHashTest : public testing::Test {
 protected:
  /// A file of `size` with `bytes` at `at`; the rest is a hole.
  [[nodiscard]] ContentHash hash(off_t size, const std::string& bytes = "", off_t at = 0) const {
    const UniqueFd file(
        ::open((scratch_.path() / "f").c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    EXPECT_EQ(::ftruncate(file.get(), size), 0);
    EXPECT_EQ(::pwrite(file.get(), bytes.data(), bytes.size(), at),
              static_cast<ssize_t>(bytes.size()));
    const auto found = hash_content(file.get(), static_cast<std::uint64_t>(size));
    EXPECT_TRUE(found);
    return found.value_or(ContentHash());
  }

  ScratchDirectory scratch_;
};

TEST_F(ContentHashTest, IsThatOfTheBytes) {
  const std::string bytes(200'001, 'x');
  EXPECT_EQ(hash(200'001, bytes), hash(200'001, bytes));
  for (const std::size_t at : {0U, 65'535U, 65'536U, 200'000U}) {
    std::string other = bytes;
    other[at] = 'y';
    EXPECT_NE(hash(200'001, bytes), hash(200'001, other)) << at;
  }
}

TEST_F(ContentHashTest, TakesHolesForZeros) {
  const std::string zeros(300'000, '\0');
  EXPECT_EQ(hash(1'000'000), hash(1'000'000, zeros, 100'000));
  EXPECT_EQ(hash(1'000'000, "x", 500'000), hash(1'000'000, std::string(500'000, '\0') + "x", 0));
  EXPECT_NE(hash(1'000'000, "x", 500'000), hash(1'000'000, "x", 500'000 + 65'536));
}

TEST_F(ContentHashTest, ReadsNoHoles) {
  // Reading a terabyte would take longer than the test may.
  EXPECT_NE(hash(1LL << 40, "x", 1LL << 39), hash(1LL << 40));
}

}  // namespace
}  // namespace nineroot::storage
