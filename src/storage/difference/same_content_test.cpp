#include "storage/difference/same_content.h"

#include <fcntl.h>

#include <string>

#include <gtest/gtest.h>

#include "storage/scratch_directory.h"

namespace nineroot::storage {
namespace {

class SameContent : public testing::Test {
 protected:
  [[nodiscard]] UniqueFd make(const std::string& name, off_t size) const {
    UniqueFd file(::open((scratch_.path() / name).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    EXPECT_EQ(::ftruncate(file.get(), size), 0);
    return file;
  }

  static void write(const UniqueFd& file, const std::string& bytes, off_t at) {
    ASSERT_EQ(::pwrite(file.get(), bytes.data(), bytes.size(), at),
              static_cast<ssize_t>(bytes.size()));
  }

  ScratchDirectory scratch_;
};

TEST_F(SameContent, ComparesAllBytes) {
  constexpr off_t kSize = 1'000'003;
  const UniqueFd a = make("a", kSize);
  const UniqueFd b = make("b", kSize);
  write(a, std::string(kSize, 'x'), 0);
  write(b, std::string(kSize, 'x'), 0);
  EXPECT_EQ(is_same_content(a.get(), b.get()), true);
  for (const off_t at : {0L, 300'000L, kSize - 1}) {
    write(b, "y", at);
    EXPECT_EQ(is_same_content(a.get(), b.get()), false) << at;
    write(b, "x", at);
  }
  EXPECT_EQ(is_same_content(a.get(), b.get()), true);
}

TEST_F(SameContent, TakesHolesForZeros) {
  constexpr off_t kSize = 40'000'000;
  const UniqueFd a = make("a", kSize);
  const UniqueFd b = make("b", kSize);
  EXPECT_EQ(is_same_content(a.get(), b.get()), true);
  write(a, std::string(100'000, '\0'), 20'000'000);
  EXPECT_EQ(is_same_content(a.get(), b.get()), true);
  write(b, "x", 39'999'999);
  EXPECT_EQ(is_same_content(a.get(), b.get()), false);
  write(a, "x", 39'999'999);
  EXPECT_EQ(is_same_content(a.get(), b.get()), true);
}

TEST_F(SameContent, IsFalseForOtherSizesAndTrueForNothing) {
  const UniqueFd a = make("a", 0);
  const UniqueFd b = make("b", 0);
  EXPECT_EQ(is_same_content(a.get(), b.get()), true);
  ASSERT_EQ(::ftruncate(b.get(), 1), 0);
  EXPECT_EQ(is_same_content(a.get(), b.get()), false);
}

}  // namespace
}  // namespace nineroot::storage
