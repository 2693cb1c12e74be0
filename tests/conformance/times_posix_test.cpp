// Time stamps: which call changes which time of what, to the nanosecond.
#include <functional>

#include "tests/conformance/posix.h"

namespace nineroot::test {
namespace {

/// Set before each call, so that a change shows.
constexpr timespec kOldAtime{.tv_sec = 1'000'000'001, .tv_nsec = 123'456'789};
constexpr timespec kOldMtime{.tv_sec = 1'000'000'002, .tv_nsec = 987'654'321};

class TimesPosix : public PosixTest {
 protected:
  static constexpr std::uint32_t kDir = 1;    ///< "d", a directory.
  static constexpr std::uint32_t kFile = 2;   ///< "d/f", open.
  static constexpr std::uint32_t kOther = 3;  ///< "e", another directory.
  static constexpr std::uint32_t kClock = 4;

  void SetUp() override {
    PosixTest::SetUp();
    if (IsSkipped()) {
      return;
    }
    ASSERT_TRUE(calls.mkdir("d"));
    ASSERT_TRUE(calls.mkdir("e"));
    ASSERT_TRUE(calls.touch("clock"));
    ASSERT_TRUE(client.walk(0, kDir, {"d"}));
    ASSERT_TRUE(client.walk(0, kOther, {"e"}));
    ASSERT_TRUE(client.walk(0, kClock, {"clock"}));
    ASSERT_TRUE(client.create(kDir, kFile, "f", O_RDWR, 0644, 0));
    ASSERT_TRUE(client.write(kFile, 0, "content"));
    // So that mapped-file has made all that it makes once per directory.
    ASSERT_TRUE(calls.touch("first", "", kOther));
  }

  std::pair<std::uint64_t, std::uint64_t> ctime_of(std::uint32_t fid) {
    const auto attr = client.getattr(fid);
    return {attr->ctime_sec, attr->ctime_nsec};
  }

  /// Waits until the clock that stamps files is past every stamp given so far.
  void tick() {
    (void)calls.utimens(kClock, kOldAtime, kOldMtime);
    const auto before = ctime_of(kClock);
    while (ctime_of(kClock) == before) {
      (void)calls.utimens(kClock, kOldAtime, kOldMtime);
    }
  }

  /// Runs `call` and says which times of `fid` it changed: "", "a", "mc" ...
  std::string changed(std::uint32_t fid, const std::function<bool()>& call) {
    EXPECT_TRUE(calls.utimens(fid, kOldAtime, kOldMtime));
    tick();
    const auto before = *client.getattr(fid);
    EXPECT_EQ(before.atime_nsec, 123'456'789U);
    EXPECT_EQ(before.mtime_nsec, 987'654'321U);
    EXPECT_TRUE(call());
    const auto after = *client.getattr(fid);
    std::string times;
    const auto note = [&](char which, auto sec, auto nsec) {
      if (before.*sec != after.*sec || before.*nsec != after.*nsec) {
        times += which;
      }
    };
    note('a', &wire::Rgetattr::atime_sec, &wire::Rgetattr::atime_nsec);
    note('m', &wire::Rgetattr::mtime_sec, &wire::Rgetattr::mtime_nsec);
    note('c', &wire::Rgetattr::ctime_sec, &wire::Rgetattr::ctime_nsec);
    return times;
  }

  int unique_ = 0;
  std::string fresh() { return "n" + std::to_string(unique_++); }
};
INSTANTIATE_TEST_SUITE_P(Every, TimesPosix, every_identity(), name_of_identity);

TEST_P(TimesPosix, CallsOnTheFileItself) {
  const auto of_file = [&](const std::function<bool()>& call) { return changed(kFile, call); };
  EXPECT_EQ(of_file([&] { return client.write(kFile, 0, "C").has_value(); }), "mc");
  EXPECT_EQ(of_file([&] { return client.truncate(kFile, 3).has_value(); }), "mc");
  EXPECT_EQ(of_file([&] { return client.truncate(kFile, 3).has_value(); }), "mc");
  EXPECT_EQ(of_file([&] { return client.truncate(kFile, 9000).has_value(); }), "mc");
  EXPECT_EQ(of_file([&] { return client.chmod(kFile, 0751).has_value(); }), "c");
  EXPECT_EQ(of_file([&] { return client.chmod(kFile, 0751).has_value(); }), "c");
  EXPECT_EQ(of_file([&] { return calls.chown(kFile, ::geteuid(), ::getegid()).has_value(); }), "c");
  EXPECT_EQ(of_file([&] { return calls.chown(kFile, std::nullopt, std::nullopt).has_value(); }),
            "c");
  EXPECT_EQ(of_file([&] { return client.set_xattr(kFile, 60, "user.x", "1").has_value(); }), "c");
  EXPECT_EQ(of_file([&] { return calls.remove_xattr(kFile, "user.x").has_value(); }), "c");
  EXPECT_EQ(of_file([&] { return client.getattr(kFile).has_value(); }), "");
  EXPECT_EQ(of_file([&] { return client.get_xattr(kFile, 60, "").has_value(); }), "");
  EXPECT_EQ(of_file([&] { return calls.fsync(kFile).has_value(); }), "");
  EXPECT_EQ(of_file([&] { return client.walk(kDir, 60, {"f"}).has_value(); }), "");
  EXPECT_EQ(of_file([&] { return client.open(60, O_RDWR).has_value(); }), "");
}

TEST_P(TimesPosix, CallsOnTheNamesOfAFile) {
  const auto of_file = [&](const std::function<bool()>& call) { return changed(kFile, call); };
  EXPECT_EQ(of_file([&] { return calls.link(kFile, "g", kOther).has_value(); }), "c");
  EXPECT_EQ(of_file([&] { return client.unlink(kOther, "g").has_value(); }), "c");
  EXPECT_EQ(of_file([&] { return client.rename(kDir, "f", kOther, "f").has_value(); }), "c");
  // The last name, and replacing.
  ASSERT_TRUE(calls.touch("new"));
  EXPECT_EQ(of_file([&] { return client.rename(0, "new", kOther, "f").has_value(); }), "c");
}

TEST_P(TimesPosix, MakingAndRemovingNamesChangesTheirDirectory) {
  const auto of_dir = [&](const std::function<bool()>& call) { return changed(kDir, call); };
  for (const std::uint32_t type : types()) {
    SCOPED_TRACE(name_of_type(type));
    const std::string name = fresh();
    EXPECT_EQ(of_dir([&] { return calls.make(type, name, kDir).has_value(); }), "mc");
    EXPECT_EQ(of_dir([&] { return calls.remove(type, name, kDir).has_value(); }), "mc");
  }
  EXPECT_EQ(of_dir([&] { return calls.link(kFile, "g", kDir).has_value(); }), "mc");
  EXPECT_EQ(of_dir([&] { return client.rename(kDir, "g", kDir, "h").has_value(); }), "mc");
  EXPECT_EQ(of_dir([&] { return client.rename(kDir, "h", kOther, "h").has_value(); }), "mc");
  EXPECT_EQ(of_dir([&] { return client.rename(kOther, "h", kDir, "h").has_value(); }), "mc");
}

TEST_P(TimesPosix, WhatFailsOrOnlyLooksChangesNoDirectory) {
  const auto of_dir = [&](const std::function<bool()>& call) { return changed(kDir, call); };
  EXPECT_EQ(of_dir([&] { return !calls.mkdir("f", 0755, kDir).has_value(); }), "");
  EXPECT_EQ(of_dir([&] { return !client.unlink(kDir, "missing").has_value(); }), "");
  EXPECT_EQ(of_dir([&] { return client.walk(kDir, 60, {"f"}).has_value(); }), "");
  EXPECT_EQ(of_dir([&] { return client.chmod(60, 0644).has_value(); }), "");
  EXPECT_EQ(of_dir([&] { return client.write(kFile, 0, "x").has_value(); }), "");
  EXPECT_EQ(of_dir([&] { return client.create(kDir, 61, "f", O_RDWR, 0644, 0).has_value(); }), "");
  EXPECT_EQ(of_dir([&] { return client.chmod(kDir, 0755).has_value(); }), "c");
}

TEST_P(TimesPosix, SetTimesAreKeptToTheNanosecond) {
  const timespec times[] = {{.tv_sec = 0, .tv_nsec = 0},
                            {.tv_sec = 1, .tv_nsec = 1},
                            {.tv_sec = -1, .tv_nsec = 999'999'999},
                            {.tv_sec = -2'147'483'647, .tv_nsec = 5},
                            {.tv_sec = 2'147'483'648, .tv_nsec = 6},
                            {.tv_sec = 4'294'967'296, .tv_nsec = 7},
                            {.tv_sec = 15'000'000'000, .tv_nsec = 999'999'999}};
  for (const std::uint32_t type : types()) {
    const std::string name = fresh();
    ASSERT_TRUE(calls.make(type, name));
    ASSERT_TRUE(client.walk(0, 60, {name}));
    for (const timespec& time : times) {
      SCOPED_TRACE(name_of_type(type) + " at " + std::to_string(time.tv_sec));
      ASSERT_TRUE(calls.utimens(60, time, kOldMtime));
      const auto attr = *client.getattr(60);
      EXPECT_EQ(static_cast<std::int64_t>(attr.atime_sec), time.tv_sec);
      EXPECT_EQ(attr.atime_nsec, static_cast<std::uint64_t>(time.tv_nsec));
      EXPECT_EQ(attr.mtime_sec, static_cast<std::uint64_t>(kOldMtime.tv_sec));
      EXPECT_EQ(attr.mtime_nsec, static_cast<std::uint64_t>(kOldMtime.tv_nsec));
    }
  }
}

TEST_P(TimesPosix, OneTimeAloneLeavesTheOther) {
  wire::Tsetattr change;
  change.fid = kFile;
  change.valid = wire::kSetAtime | wire::kSetAtimeSet | wire::kSetCtime;
  change.atime_sec = 77;
  EXPECT_EQ(changed(kFile, [&] { return calls.set_attr(change).has_value(); }), "ac");
  EXPECT_EQ(client.getattr(kFile)->atime_sec, 77U);
  change.valid = wire::kSetMtime | wire::kSetMtimeSet | wire::kSetCtime;
  change.mtime_sec = 78;
  EXPECT_EQ(changed(kFile, [&] { return calls.set_attr(change).has_value(); }), "mc");
  EXPECT_EQ(client.getattr(kFile)->mtime_sec, 78U);
  // Without a time of the client's: now.
  change.valid = wire::kSetAtime | wire::kSetMtime | wire::kSetCtime;
  EXPECT_EQ(changed(kFile, [&] { return calls.set_attr(change).has_value(); }), "amc");
  const auto attr = *client.getattr(kFile);
  EXPECT_EQ(attr.atime_sec, attr.mtime_sec);
  EXPECT_EQ(attr.atime_nsec, attr.mtime_nsec);
  for (const std::uint64_t nsec : {1'000'000'000U, 0x3fffffffU, 0x3ffffffeU, 0xffffffffU}) {
    change.valid = wire::kSetMtime | wire::kSetMtimeSet;
    change.mtime_nsec = nsec;
    EXPECT_ERRNO(EINVAL, calls.set_attr(change));
  }
}

}  // namespace
}  // namespace nineroot::test
