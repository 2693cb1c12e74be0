#include "base/io_vec.h"

#include <array>
#include <cstring>
#include <string>

#include <gtest/gtest.h>

namespace nineroot {
namespace {

struct Scattered {
  std::array<std::byte, 3> a{};
  std::byte gap{};
  std::array<std::byte, 2> b{};
  std::byte gap2{};
  std::array<std::byte, 4> c{};
  IoVecs io;

  Scattered() {
    io.append(a.data(), a.size());
    io.append(b.data(), b.size());
    io.append(c.data(), c.size());
  }
};

std::string text(const IoVecs& io) {
  std::string out(io.size(), '?');
  io.read(0, std::as_writable_bytes(std::span(out)));
  return out;
}

TEST(IoVecs, WriteAndReadGoAcrossPieces) {
  Scattered s;
  std::string data = "012345678";
  EXPECT_EQ(s.io.write(0, std::as_bytes(std::span(data))), 9U);
  EXPECT_EQ(text(s.io), data);
}

TEST(IoVecs, EverySliceHoldsItsBytes) {
  Scattered s;
  std::string data = "012345678";
  s.io.write(0, std::as_bytes(std::span(data)));
  for (std::size_t from = 0; from <= 10; ++from) {
    for (std::size_t length = 0; length <= 10; ++length) {
      std::string expected = from < data.size() ? data.substr(from, length) : "";
      EXPECT_EQ(text(s.io.slice(from, length)), expected);
    }
  }
}

TEST(IoVecs, WriteStopsAtTheEnd) {
  Scattered s;
  std::string data = "abcdef";
  EXPECT_EQ(s.io.write(7, std::as_bytes(std::span(data))), 2U);
  EXPECT_EQ(s.io.write(9, std::as_bytes(std::span(data))), 0U);
}

TEST(IoVecs, NeighboursBecomeOnePiece) {
  std::array<std::byte, 8> memory{};
  IoVecs io;
  io.append(memory.data(), 4);
  io.append(memory.data() + 4, 4);
  io.append(memory.data(), 0);
  EXPECT_EQ(io.pieces().size(), 1U);
  EXPECT_EQ(io.size(), 8U);
}

TEST(IoVecs, HoldsAnyNumberOfPiecesAlsoWhenItIsMoved) {
  std::array<std::byte, 40> memory{};
  for (std::size_t count = 0; count <= 20; ++count) {
    IoVecs io;
    std::string expected;
    for (std::size_t i = 0; i < count; ++i) {
      memory[2 * i] = static_cast<std::byte>('a' + i);
      expected.push_back(static_cast<char>('a' + i));
      io.append(&memory[2 * i], 1);
    }
    ASSERT_EQ(io.pieces().size(), count);
    ASSERT_EQ(text(io), expected);
    const IoVecs copy = io;
    const IoVecs moved = std::move(io);
    ASSERT_EQ(text(moved), expected);
    ASSERT_EQ(text(copy), expected);
    ASSERT_EQ(text(copy.slice(1, 30)), expected.substr(std::min<std::size_t>(1, count)));
    IoVecs again = copy;
    again.clear();
    ASSERT_TRUE(again.pieces().empty());
    again.append(memory.data(), 1);
    ASSERT_EQ(again.pieces().size(), 1U);
  }
}

}  // namespace
}  // namespace nineroot
