#include "wire/codec.h"

#include <vector>

#include <gtest/gtest.h>

#include "wire/messages.h"

namespace nineroot::wire {
namespace {

std::span<const std::byte> as_span(const std::vector<std::byte>& bytes, std::size_t size) {
  return std::span(bytes).first(size);
}

/// A message of each shape, with every field distinct.
template <class Visit>
void for_each_message(Visit visit) {
  visit(Tversion{.msize = 8192, .version = "9P2000.L"});
  visit(Tattach{.fid = 1, .afid = kNoFid, .uname = "root", .aname = "/a", .n_uname = 7});
  visit(Tlcreate{.fid = 1, .name = "f", .flags = 2, .mode = 3, .gid = 4});
  visit(Tsetattr{.fid = 1,
                 .valid = 2,
                 .mode = 3,
                 .uid = 4,
                 .gid = 5,
                 .size = 6,
                 .atime_sec = 7,
                 .atime_nsec = 8,
                 .mtime_sec = 9,
                 .mtime_nsec = 10});
  visit(Tlock{
      .fid = 1, .type = 1, .flags = 1, .start = 2, .length = 3, .proc_id = 4, .client_id = "host"});
  visit(Trenameat{.olddirfid = 1, .oldname = "a", .newdirfid = 2, .newname = "bb"});
  visit(Twalk{.fid = 1, .newfid = 2, .nwname = 2, .wname = {"usr", "lib"}});
  visit(Rwalk{.nwqid = 1, .wqid = {Qid{.type = 0x80, .version = 1, .path = 99}}});
  visit(Rgetattr{.valid = 1,
                 .qid = {},
                 .mode = 2,
                 .uid = 3,
                 .gid = 4,
                 .nlink = 5,
                 .rdev = 6,
                 .size = 7,
                 .blksize = 8,
                 .blocks = 9,
                 .atime_sec = 10,
                 .atime_nsec = 11,
                 .mtime_sec = 12,
                 .mtime_nsec = 13,
                 .ctime_sec = 14,
                 .ctime_nsec = 15,
                 .btime_sec = 16,
                 .btime_nsec = 17,
                 .gen = 18,
                 .data_version = 19});
}

TEST(Codec, EveryTruncationOfEveryMessageIsRefused) {
  for_each_message([](const auto& message) {
    using Message = std::remove_cvref_t<decltype(message)>;
    std::vector<std::byte> bytes(1024);
    const std::size_t size = encode(5, message, bytes);
    ASSERT_GT(size, kHeaderSize);
    EXPECT_TRUE(decode_body<Message>(as_span(bytes, size).subspan(kHeaderSize)));
    for (std::size_t cut = kHeaderSize; cut < size; ++cut) {
      EXPECT_FALSE(decode_body<Message>(as_span(bytes, cut).subspan(kHeaderSize)));
    }
    EXPECT_FALSE(decode_body<Message>(as_span(bytes, size + 1).subspan(kHeaderSize)));
  });
}

TEST(Codec, DecodingAndEncodingGivesTheSameBytes) {
  for_each_message([](const auto& message) {
    using Message = std::remove_cvref_t<decltype(message)>;
    std::vector<std::byte> bytes(1024);
    std::vector<std::byte> again(1024);
    const std::size_t size = encode(5, message, bytes);
    auto decoded = decode_body<Message>(as_span(bytes, size).subspan(kHeaderSize));
    ASSERT_TRUE(decoded);
    EXPECT_EQ(encode(5, *decoded, again), size);
    EXPECT_EQ(bytes, again);
  });
}

TEST(Codec, EncodingIntoTooLittleRoomGivesNothing) {
  for_each_message([](const auto& message) {
    std::vector<std::byte> bytes(1024);
    const std::size_t size = encode(5, message, bytes);
    for (std::size_t room = 0; room < size; ++room) {
      EXPECT_EQ(encode(5, message, std::span(bytes).first(room)), 0U);
    }
  });
}

// Bytes as Linux 6.1 sends them for `mount -t 9p -o trans=virtio,version=9p2000.L`.
TEST(Codec, TversionIsWhatLinuxSends) {
  std::vector<std::byte> bytes(64);
  const std::size_t size = encode(kNoTag, Tversion{.msize = 131096, .version = "9P2000.L"}, bytes);
  const std::string_view expected(
      "\x15\0\0\0\x64\xff\xff\x18\x00\x02\x00\x08\x00"
      "9P2000.L",
      21);
  EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(bytes.data()), size), expected);
}

TEST(Codec, WalkOfTooManyNamesIsSeen) {
  std::vector<std::byte> bytes(64);
  Writer writer(bytes);
  writer(std::uint32_t{1});
  writer(std::uint32_t{2});
  writer(std::uint16_t{17});
  auto walk = decode_body<Twalk>(as_span(bytes, writer.size()));
  EXPECT_FALSE(walk);
}

TEST(Codec, StringLongerThanItsMessageIsRefused) {
  const std::byte bytes[] = {std::byte{0xff}, std::byte{0xff}, std::byte{'a'}};
  Reader reader(bytes);
  std::string_view text;
  reader(text);
  EXPECT_TRUE(text.empty());
  EXPECT_FALSE(reader.finish());
}

}  // namespace
}  // namespace nineroot::wire
