#include "storage/dedup/hash_index.h"

#include <ctime>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "base/log.h"
#include "storage/scratch_directory.h"

namespace nineroot::storage {
namespace {

namespace fs = std::filesystem;

constexpr FileStamp kFile{.number = 5, .size = 7, .ctime_seconds = 100, .ctime_nanoseconds = 9};
constexpr ContentHash kHash{.high = 1, .low = 2};

class HashIndexTest : public testing::Test {
 protected:
  [[nodiscard]] fs::path file() const { return scratch_.path() / "index"; }

  void save_one() const {
    HashIndex index;
    index.put(3, kFile, kHash);
    ASSERT_TRUE(index.save(file(), HashIndex::Keep::used));
  }

  ScratchDirectory scratch_;
};

TEST_F(HashIndexTest, FindsWhatItSavedAndNothingElse) {
  save_one();
  HashIndex index = HashIndex::load(file());
  EXPECT_EQ(index.find(3, kFile), kHash);
  EXPECT_EQ(index.find(4, kFile), std::nullopt);
  for (const auto change : {&FileStamp::number, &FileStamp::size}) {
    FileStamp other = kFile;
    ++(other.*change);
    EXPECT_EQ(index.find(3, other), std::nullopt);
  }
  for (const auto change : {&FileStamp::ctime_seconds, &FileStamp::ctime_nanoseconds}) {
    FileStamp other = kFile;
    ++(other.*change);
    EXPECT_EQ(index.find(3, other), std::nullopt);
  }
}

TEST_F(HashIndexTest, DoesNotRecordWhatMayChangeWithinTheClocksStep) {
  HashIndex index;
  FileStamp young = kFile;
  young.ctime_seconds = std::time(nullptr);
  index.put(3, young, kHash);
  EXPECT_EQ(index.find(3, young), std::nullopt);
}

TEST_F(HashIndexTest, ForgetsWhatWasNotUsedOnDemand) {
  save_one();
  HashIndex index = HashIndex::load(file());
  FileStamp other = kFile;
  other.number = 6;
  index.put(3, other, kHash);
  ASSERT_TRUE(index.save(file(), HashIndex::Keep::all));
  EXPECT_EQ(HashIndex::load(file()).size(), 2U);
  ASSERT_TRUE(index.save(file(), HashIndex::Keep::used));
  EXPECT_EQ(HashIndex::load(file()).size(), 1U);
}

TEST_F(HashIndexTest, IgnoresADamagedFile) {
  log::set_level(log::Level::error);  // It says so each time.
  save_one();
  std::ifstream stream(file(), std::ios::binary);
  const std::string good(std::istreambuf_iterator<char>(stream), {});
  const auto size_with = [this](const std::string& bytes) {
    std::ofstream(file(), std::ios::binary) << bytes;
    return HashIndex::load(file()).size();
  };
  EXPECT_EQ(size_with(good), 1U);
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x10);
    EXPECT_EQ(size_with(bad), 0U) << at;
  }
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(size_with(good.substr(0, size)), 0U) << size;
  }
  log::set_level(log::Level::info);
}

TEST_F(HashIndexTest, LeavesNothingBehindWhereItCannotBeWritten) {
  fs::create_directories(file() / "in the way");
  EXPECT_FALSE(HashIndex().save(file(), HashIndex::Keep::all));
  EXPECT_EQ(std::distance(fs::directory_iterator(scratch_.path()), {}), 1);
  EXPECT_FALSE(HashIndex().save(scratch_.path() / "none/index", HashIndex::Keep::all));
}

}  // namespace
}  // namespace nineroot::storage
