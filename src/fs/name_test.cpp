#include "fs/name.h"

#include <string>

#include <gtest/gtest.h>

namespace nineroot::fs {
namespace {

TEST(Name, AnyBytesButSlashAndNulAreGood) {
  for (const std::string& text : {std::string("a"), std::string("..."), std::string("\xff\n\x01"),
                                  std::string(255, 'x'), std::string(" ")}) {
    const auto name = Name::parse(text);
    ASSERT_TRUE(name);
    EXPECT_EQ(name->view(), text);
    EXPECT_EQ(std::string(name->c_str()), text);
  }
}

TEST(Name, WhatCouldLeadElsewhereIsRefused) {
  using std::string_literals::operator""s;
  for (const std::string& text : {"."s, ".."s, "a/b"s, "/"s, "a\0b"s}) {
    EXPECT_EQ(Name::parse(text).error(), Errno{EINVAL});
  }
  EXPECT_EQ(Name::parse("").error(), Errno{ENOENT});
  EXPECT_EQ(Name::parse(std::string(256, 'x')).error(), Errno{ENAMETOOLONG});
}

}  // namespace
}  // namespace nineroot::fs
