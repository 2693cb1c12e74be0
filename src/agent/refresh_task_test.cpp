#include "agent/refresh_task.h"

#include <gtest/gtest.h>

namespace nineroot::agent {
namespace {

std::optional<RefreshTask> decode_text(const std::string& text) {
  return decode_refresh_task(text);
}

TEST(RefreshTask, ComesBackFromItsRecord) {
  const RefreshTask task{.kind = RefreshTask::Kind::path,
                         .path = "srv/with space/\xff\n",
                         .is_new = true,
                         .has_content = false,
                         .has_attributes = true,
                         .is_directory = true,
                         .is_quiet = true,
                         .number = UINT64_MAX,
                         .size = 12};
  std::string record = encode(task);
  EXPECT_EQ(record, std::string("pnadq 18446744073709551615 12 srv/with space/\xff\n") + '\0');
  record.pop_back();
  EXPECT_EQ(decode_refresh_task(record), task);
}

TEST(RefreshTask, OfEachKindComesBack) {
  for (const RefreshTask::Kind kind : {RefreshTask::Kind::everything, RefreshTask::Kind::path,
                                       RefreshTask::Kind::names, RefreshTask::Kind::settle}) {
    std::string record = encode({.kind = kind, .path = ""});
    record.pop_back();
    ASSERT_TRUE(decode_refresh_task(record));
    EXPECT_EQ(decode_refresh_task(record)->kind, kind);
  }
}

TEST(RefreshTask, OfAnotherFormIsRefused) {
  EXPECT_TRUE(decode_text("p 1 2 a"));
  for (const char* text :
       {"", "p", "p 1", "p 1 2", " 1 2 a", "x 1 2 a", "px 1 2 a", "pnn 1 2 a", "pcn 1 2 a",
        "p 01 2 a", "p -1 2 a", "p 1x 2 a", "p 18446744073709551616 2 a", "p  1 2 a", "P 1 2 a"}) {
    EXPECT_FALSE(decode_text(text)) << text;
  }
}

TEST(RefreshTask, WithAPathThatLeavesTheRootIsRefused) {
  for (const std::string& path :
       {std::string("/a"), std::string("a/"), std::string("a//b"), std::string("."),
        std::string(".."), std::string("a/../b"), std::string("a/./b"), std::string("a/.."),
        std::string("a\0b", 3), std::string(256, 'x'), std::string(4096, 'x')}) {
    EXPECT_FALSE(is_good_path(path)) << path;
    EXPECT_FALSE(decode_text("p 1 2 " + path)) << path;
  }
  for (const std::string& path :
       {std::string(), std::string("..."), std::string("a/.b/c."), std::string(255, 'x')}) {
    EXPECT_TRUE(is_good_path(path)) << path;
  }
}

TEST(RefreshTask, WithAChangedByteIsRefusedOrEncodesToTheSame) {
  std::string record = encode({.kind = RefreshTask::Kind::path, .path = "a/b", .number = 17});
  record.pop_back();
  for (std::size_t at = 0; at < record.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      std::string changed = record;
      changed[at] = static_cast<char>(value);
      if (const std::optional<RefreshTask> task = decode_refresh_task(changed)) {
        EXPECT_EQ(encode(*task), changed + '\0');
      }
    }
  }
}

}  // namespace
}  // namespace nineroot::agent
