#include "vm/shell_quote.h"

#include <array>
#include <cstdio>

#include <gtest/gtest.h>

namespace nineroot::vm {
namespace {

TEST(ShellQuote, LeavesPlainWordsAndQuotesTheOthers) {
  EXPECT_EQ(shell_quote("path=/tmp/a-b_c.d,fd=3"), "path=/tmp/a-b_c.d,fd=3");
  EXPECT_EQ(shell_quote(""), "''");
  EXPECT_EQ(shell_quote("two words"), "'two words'");
  EXPECT_EQ(shell_quote("it's"), "'it'\\''s'");
  EXPECT_EQ(shell_quote("~"), "'~'");
}

TEST(ShellQuote, AShellReadsTheVeryWordsBack) {
  const std::array<std::string, 6> words = {"printf",      "%s|",        "a b",
                                            "$HOME`id`\\", "it's \"x\"", "-option\nnew line"};
  std::FILE* pipe = ::popen(shell_command(words).c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  std::string output;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) {
    output += static_cast<char>(c);
  }
  EXPECT_EQ(::pclose(pipe), 0);
  EXPECT_EQ(output, "a b|$HOME`id`\\|it's \"x\"|-option\nnew line|");
}

}  // namespace
}  // namespace nineroot::vm
