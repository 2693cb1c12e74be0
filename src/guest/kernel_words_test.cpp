#include "guest/kernel_words.h"

#include <gtest/gtest.h>

namespace nineroot::guest {
namespace {

TEST(KernelWords, HaveDefaultsWhenNothingIsSaid) {
  const KernelWords words = parse_kernel_words("console=ttyS0 panic=10\n");
  EXPECT_FALSE(words.uses_tcp);
  EXPECT_EQ(words.tag, "root");
  EXPECT_EQ(words.cache, "mmap");
  EXPECT_EQ(words.msize, 0U);
  EXPECT_FALSE(words.is_read_only);
  EXPECT_EQ(words.init, "");
  EXPECT_EQ(words.unknown, "");
}

TEST(KernelWords, AreAllRead) {
  const KernelWords words = parse_kernel_words(
      "nineroot.transport=tcp nineroot.tag=fsRoot nineroot.cache=loose nineroot.msize=131096 "
      "nineroot.ro init=/bin/sh quiet");
  EXPECT_TRUE(words.uses_tcp);
  EXPECT_EQ(words.tag, "fsRoot");
  EXPECT_EQ(words.cache, "loose");
  EXPECT_EQ(words.msize, 131096U);
  EXPECT_TRUE(words.is_read_only);
  EXPECT_EQ(words.init, "/bin/sh");
  EXPECT_EQ(words.unknown, "");
}

TEST(KernelWords, TakeTheLastOfTwo) {
  EXPECT_EQ(parse_kernel_words("init=/a nineroot.tag=b init=/c nineroot.tag=d").init, "/c");
  EXPECT_EQ(parse_kernel_words("init=/a nineroot.tag=b init=/c nineroot.tag=d").tag, "d");
}

TEST(KernelWords, MayBeQuoted) {
  const KernelWords words = parse_kernel_words("a=\"x nineroot.ro\" nineroot.tag=\"my tag\"");
  EXPECT_FALSE(words.is_read_only);
  EXPECT_EQ(words.tag, "my tag");
}

TEST(KernelWords, ThatMakeNoSenseAreNamed) {
  for (const char* word : {"nineroot.transport=pigeon", "nineroot.msize=512k", "nineroot.tag=",
                           "nineroot.msize=99999999999", "nineroot.hello", "nineroot.ro=1"}) {
    EXPECT_EQ(parse_kernel_words(word).unknown, word);
  }
}

}  // namespace
}  // namespace nineroot::guest
