#include "agent/message.h"

#include <gtest/gtest.h>

namespace nineroot::agent {
namespace {

std::vector<Letter> one_of_each() {
  return {
      {0, Hello{.version = 7, .session = 0x0123456789abcdef, .boot_id = "boot"}},
      {1, Execute{.argv = {"sh", "-c", ""},
                  .environment = {"A=B"},
                  .directory = "/root",
                  .user = "user",
                  .wants_tty = true,
                  .waits_for_boot = false,
                  .rows = 24,
                  .columns = 80}},
      {2, Input{.bytes = std::string("a\0b", 3)}},
      {3, EndOfInput{}},
      {4, Credit{.stream = Stream::error, .bytes = 65536}},
      {5, Signal{.number = 15}},
      {6, Resize{.rows = 50, .columns = 132}},
      {7, Abandon{}},
      {8, PowerOff{}},
      {9, Output{.stream = Stream::error, .bytes = "out"}},
      {10, Exited{.status = 3, .signal = 9}},
      {0xffffffff, Refused{.reason = "no"}},
      {12, Refresh{}},
  };
}

TEST(Message, OfEachKindIsInTheSample) {
  ASSERT_EQ(one_of_each().size(), std::variant_size_v<Message>);
  for (std::size_t i = 0; i < one_of_each().size(); ++i) {
    EXPECT_EQ(one_of_each()[i].message.index(), i);
  }
}

TEST(Message, ComesBackFromItsBytes) {
  for (const Letter& letter : one_of_each()) {
    const std::string bytes = encode(letter);
    const std::optional<Letter> back = decode(bytes);
    ASSERT_TRUE(back) << letter.message.index();
    EXPECT_EQ(back->command, letter.command);
    EXPECT_EQ(back->message.index(), letter.message.index());
    EXPECT_EQ(encode(*back), bytes);
  }
}

TEST(Message, KeepsItsFields) {
  const Letter letter = decode(encode(one_of_each()[1])).value();
  const Execute& execute = std::get<Execute>(letter.message);
  EXPECT_EQ(execute.argv, (std::vector<std::string>{"sh", "-c", ""}));
  EXPECT_EQ(execute.environment, std::vector<std::string>{"A=B"});
  EXPECT_EQ(execute.directory, "/root");
  EXPECT_EQ(execute.user, "user");
  EXPECT_TRUE(execute.wants_tty);
  EXPECT_FALSE(execute.waits_for_boot);
  EXPECT_EQ(execute.rows, 24);
  EXPECT_EQ(execute.columns, 80);
}

TEST(Message, HasFixedBytes) {
  EXPECT_EQ(encode({0x01020304, Credit{.stream = Stream::output, .bytes = 0x0a0b0c0d}}),
            std::string("\x04\x04\x03\x02\x01\x01\x0d\x0c\x0b\x0a", 10));
}

TEST(Message, CutAnywhereIsRefused) {
  for (const Letter& letter : one_of_each()) {
    const std::string bytes = encode(letter);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_FALSE(decode(std::string_view(bytes).substr(0, size)))
          << letter.message.index() << " cut to " << size;
    }
  }
}

TEST(Message, WithMoreThanItsFieldsIsRefused) {
  for (const Letter& letter : one_of_each()) {
    EXPECT_FALSE(decode(encode(letter) + '\0')) << letter.message.index();
  }
}

TEST(Message, OfAnUnknownKindIsRefused) {
  for (std::size_t kind = std::variant_size_v<Message>; kind < 256; ++kind) {
    std::string bytes(5, '\0');
    bytes[0] = static_cast<char>(kind);
    EXPECT_FALSE(decode(bytes)) << kind;
  }
}

TEST(Message, WithAChangedByteIsRefusedOrEncodesToTheSameBytes) {
  for (const Letter& letter : one_of_each()) {
    const std::string bytes = encode(letter);
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      for (int value = 0; value < 256; ++value) {
        std::string changed = bytes;
        changed[at] = static_cast<char>(value);
        if (const std::optional<Letter> back = decode(changed)) {
          ASSERT_EQ(encode(*back), changed);
        }
      }
    }
  }
}

TEST(Message, CannotAskForAListThatItDoesNotHold) {
  std::string bytes("\x01\0\0\0\0\xff\xff\xff\xff", 9);
  EXPECT_FALSE(decode(bytes));
  bytes += std::string(1000, '\0');
  EXPECT_FALSE(decode(bytes));
}

TEST(Message, WithTooMuchDataIsRefused) {
  EXPECT_TRUE(decode(encode({1, Input{std::string(kMaxData, 'x')}})));
  EXPECT_FALSE(decode(encode({1, Input{std::string(kMaxData + 1, 'x')}})));
  EXPECT_FALSE(decode(
      encode({1, Output{.stream = Stream::output, .bytes = std::string(kMaxData + 1, 'x')}})));
}

TEST(Message, OfOutputOnTheInputIsRefused) {
  EXPECT_FALSE(decode(encode({1, Output{.stream = Stream::input, .bytes = "x"}})));
}

}  // namespace
}  // namespace nineroot::agent
