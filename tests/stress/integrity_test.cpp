// The check of acknowledged data: it accepts what was promised or newer, and finds what was lost.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "tests/stress/integrity_record.h"
#include "tests/stress/shared_writer.h"

namespace nineroot::stress {
namespace {

class Integrity : public testing::Test {
 protected:
  Integrity() {
    std::string name = "/var/tmp/nineroot-integrity-XXXXXX";
    crew_ = {.directory = ::mkdtemp(name.data()), .seed = 5, .writers = 2};
    std::ofstream(crew_.directory + "/shared").close();
    std::filesystem::resize_file(crew_.directory + "/shared", kRecords * kRecordSize);
  }

  ~Integrity() override { std::filesystem::remove_all(crew_.directory); }

  void write(std::uint32_t writer, std::uint64_t version) {
    const std::uint32_t place = place_of(crew_.seed, writer, crew_.writers, version);
    write(place, encode({.place = place, .version = version}));
  }

  void write(std::uint32_t place, const RecordBytes& bytes) {
    std::fstream file(crew_.directory + "/shared", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(place * kRecordSize));
    file.write(reinterpret_cast<const char*>(bytes.data()), kRecordSize);
  }

  Crew crew_;
};

TEST_F(Integrity, WhatWasPromisedIsThere) {
  for (std::uint64_t version = 1; version <= 40; ++version) {
    write(0, version);
    write(1, version);
  }
  EXPECT_EQ(count_lost(crew_, {40, 40}), 0);
  EXPECT_EQ(count_lost(crew_, {30, 0}), 0);
}

TEST_F(Integrity, AWriteThatIsMissingIsFound) {
  for (std::uint64_t version = 1; version <= 40; ++version) {
    write(0, version);
  }
  EXPECT_EQ(count_lost(crew_, {41, 0}), 1);
}

TEST_F(Integrity, ADamagedRecordIsFound) {
  write(0, 1);
  const std::uint32_t place = place_of(crew_.seed, 0, crew_.writers, 1);
  RecordBytes bytes = encode({.place = place, .version = 1});
  EXPECT_EQ(version_in(bytes, place), 1U);
  EXPECT_FALSE(version_in(bytes, place + 1));
  bytes[70] ^= std::byte{1};
  EXPECT_FALSE(version_in(bytes, place));
  // The first record lies on one page, so nothing excuses it.
  write(0U, bytes);
  EXPECT_GE(count_lost(crew_, {0, 0}), 1);
}

}  // namespace
}  // namespace nineroot::stress
