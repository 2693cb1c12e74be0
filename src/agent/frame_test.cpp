#include "agent/frame.h"

#include <vector>

#include <gtest/gtest.h>

namespace nineroot::agent {
namespace {

std::vector<std::string> read_all(FrameReader& reader) {
  std::vector<std::string> frames;
  while (std::optional<std::string> frame = reader.next()) {
    frames.push_back(std::move(*frame));
  }
  return frames;
}

std::vector<std::string> samples() {
  std::vector<std::string> contents = {"",
                                       "a",
                                       std::string(1, '\0'),
                                       std::string(3, '\0'),
                                       std::string("a\0", 2),
                                       std::string("\0a", 2),
                                       std::string("a\0b", 3)};
  for (std::size_t size : {253U, 254U, 255U, 508U, 509U, 70'000U}) {
    contents.emplace_back(size, 'x');
    contents.push_back(std::string(size, 'x') + '\0');
    contents.push_back('\0' + std::string(size, 'x'));
    contents.push_back(std::string(size, 'x') + '\0' + "y");
  }
  std::string all_bytes;
  for (int i = 0; i < 1000; ++i) {
    all_bytes.push_back(static_cast<char>(i * 7 % 256));
  }
  contents.push_back(all_bytes);
  return contents;
}

TEST(Frame, ComesOutAsItWentIn) {
  std::string stream;
  for (const std::string& content : samples()) {
    append_frame(stream, content);
  }
  FrameReader reader;
  reader.feed(stream);
  EXPECT_EQ(read_all(reader), samples());
}

TEST(Frame, HoldsNoZeroByteButItsEnd) {
  for (const std::string& content : samples()) {
    std::string stream;
    append_frame(stream, content);
    EXPECT_EQ(stream.find('\0'), stream.size() - 1);
  }
}

TEST(Frame, MayComeByteByByte) {
  std::string stream;
  for (const std::string& content : samples()) {
    append_frame(stream, content);
  }
  FrameReader reader;
  std::vector<std::string> frames;
  for (const char byte : stream) {
    reader.feed(std::string_view(&byte, 1));
    for (std::string& frame : read_all(reader)) {
      frames.push_back(std::move(frame));
    }
  }
  EXPECT_EQ(frames, samples());
}

TEST(Frame, AfterOneThatWasCutAnywhereIsWhole) {
  std::string first;
  append_frame(first, std::string("one\0two", 7) + std::string(300, 'x'));
  for (std::size_t size = 0; size < first.size(); ++size) {
    std::string stream = first.substr(0, size);
    append_frame_break(stream);
    append_frame(stream, "whole");
    FrameReader reader;
    reader.feed(stream);
    const std::vector<std::string> frames = read_all(reader);
    ASSERT_FALSE(frames.empty()) << size;
    EXPECT_EQ(frames.back(), "whole") << size;
  }
}

TEST(Frame, ThatIsTooLongIsLeftOutWithoutBeingHeld) {
  FrameReader reader;
  for (int i = 0; i < 1000; ++i) {
    reader.feed(std::string(16'384, 'x'));
    EXPECT_EQ(reader.next(), std::nullopt);
  }
  std::string stream(1, '\0');
  append_frame(stream, "next");
  reader.feed(stream);
  EXPECT_EQ(reader.next(), "next");
}

TEST(Frame, OfTheGreatestLengthComesThrough) {
  for (const char fill : {'x', '\0'}) {
    std::string stream;
    append_frame(stream, std::string(kMaxFrame, fill));
    append_frame(stream, std::string(kMaxFrame + 1, fill));
    append_frame(stream, "next");
    FrameReader reader;
    reader.feed(stream);
    const std::vector<std::string> frames = read_all(reader);
    ASSERT_EQ(frames.size(), 2U);
    EXPECT_EQ(frames[0], std::string(kMaxFrame, fill));
    EXPECT_EQ(frames[1], "next");
  }
}

}  // namespace
}  // namespace nineroot::agent
