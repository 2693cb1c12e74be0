#include "transport/wait_set.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <thread>

#include <gtest/gtest.h>

namespace nineroot::transport {
namespace {

constexpr std::size_t kFirst = 0;
constexpr std::size_t kSecond = 5;

class WaitSetTest : public testing::Test {
 protected:
  /// The first by level, the second by edge.
  bool watch_both() {
    WaitSet::List list;
    list[kFirst] = {.fd = first_.get(), .is_edge = false};
    list[kSecond] = {.fd = second_.get(), .is_edge = true};
    const auto is_new = set_.watch(list);
    EXPECT_TRUE(is_new);
    return is_new.value_or(false);
  }

  WaitSet::Ready look() { return *set_.wait(0); }

  static void write(const UniqueFd& fd) { ASSERT_EQ(::eventfd_write(fd.get(), 1), 0); }

  WaitSet set_;
  UniqueFd first_{::eventfd(0, EFD_CLOEXEC)};
  UniqueFd second_{::eventfd(0, EFD_CLOEXEC)};
};

TEST_F(WaitSetTest, TellsWhichOneIsReadable) {
  EXPECT_TRUE(watch_both());
  EXPECT_TRUE(look().none());
  write(first_);
  EXPECT_TRUE(look().test(kFirst));
  EXPECT_FALSE(look().test(kSecond));
}

TEST_F(WaitSetTest, ALevelIsReportedUntilItIsRead) {
  EXPECT_TRUE(watch_both());
  write(first_);
  EXPECT_TRUE(look().test(kFirst));
  EXPECT_TRUE(look().test(kFirst));
  eventfd_t count = 0;
  ASSERT_EQ(::eventfd_read(first_.get(), &count), 0);
  EXPECT_TRUE(look().none());
}

TEST_F(WaitSetTest, ManyEdgesAreOneReportAndNoneIsLost) {
  EXPECT_TRUE(watch_both());
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 5; ++i) {
      write(second_);
    }
    EXPECT_TRUE(look().test(kSecond)) << "though the one before was never read";
    EXPECT_TRUE(look().none());
  }
}

TEST_F(WaitSetTest, AnEdgeWakesWhoSleeps) {
  EXPECT_TRUE(watch_both());
  for (int i = 0; i < 200; ++i) {
    const std::jthread other([&] { write(second_); });
    ASSERT_TRUE(set_.wait(-1)->test(kSecond));
  }
}

TEST_F(WaitSetTest, WhatWasReadableBeforeIsReportedByEdgeToo) {
  write(second_);
  EXPECT_TRUE(watch_both());
  EXPECT_TRUE(look().test(kSecond));
}

TEST_F(WaitSetTest, IsMadeAnewOnlyForSomethingElse) {
  EXPECT_TRUE(watch_both());
  EXPECT_FALSE(watch_both());
  set_.forget();
  EXPECT_TRUE(watch_both());
}

TEST_F(WaitSetTest, WhatWasClosedIsHeardNoMore) {
  EXPECT_TRUE(watch_both());
  // The same open file, as the front-end has it: the kernel goes on with it when ours is closed.
  const UniqueFd other(::dup(second_.get()));
  second_.reset(::eventfd(0, EFD_CLOEXEC));
  set_.forget();
  EXPECT_TRUE(watch_both());
  write(other);
  EXPECT_TRUE(look().none());
  write(second_);
  EXPECT_TRUE(look().test(kSecond));
}

TEST_F(WaitSetTest, WhatCannotBeWaitedForIsAnErrorAndChangesNothing) {
  EXPECT_TRUE(watch_both());
  const UniqueFd file(::fileno(::tmpfile()));
  WaitSet::List list;
  list[kFirst] = {.fd = file.get(), .is_edge = false};
  EXPECT_EQ(set_.watch(list).error(), Errno{EPERM});
  write(first_);
  EXPECT_TRUE(look().test(kFirst));
}

}  // namespace
}  // namespace nineroot::transport
