// Reading directories: every name once, whatever the replies' sizes and whoever else is at work.
#include <thread>

#include "tests/conformance/posix.h"

namespace nineroot::test {
namespace {

using ReaddirPosix = PosixTest;
INSTANTIATE_TEST_SUITE_P(Every, ReaddirPosix, every_identity(), name_of_identity);

/// The smallest reply that has room for any name.
constexpr std::uint32_t kLargestEntry = 24 + 255;

constexpr std::uint32_t kCounts[] = {kLargestEntry, 333, 777, 1001, 4095, 8191, 65'000};

/// Names of every length.
std::multiset<std::string> make_names(Calls calls, std::uint32_t dir, std::size_t count) {
  std::multiset<std::string> names;
  for (std::size_t i = 0; i < count; ++i) {
    std::string name = std::to_string(i) + "-";
    name.resize(std::max(name.size(), 1 + i * 7 % 255), 'n');
    EXPECT_TRUE(calls.touch(name, "", dir));
    names.insert(name);
  }
  return names;
}

TEST_P(ReaddirPosix, RepliesOfEverySizeGiveEveryNameOnce) {
  ASSERT_TRUE(calls.mkdir("d"));
  ASSERT_TRUE(client.walk(0, 1, {"d"}));
  const auto expected = make_names(calls, 1, 400);
  for (const std::uint32_t count : kCounts) {
    EXPECT_EQ(calls.names(1, count), expected) << count;
  }
  ASSERT_TRUE(client.walk(1, 2));
  ASSERT_TRUE(client.open(2, O_RDONLY));
  EXPECT_ERRNO(EINVAL, client.readdir(2, 0, 0));
  EXPECT_ERRNO(EINVAL, client.readdir(2, 0, 24));
}

TEST_P(ReaddirPosix, ReadingGoesOnFromAnyEntry) {
  ASSERT_TRUE(calls.mkdir("d"));
  ASSERT_TRUE(client.walk(0, 1, {"d"}));
  make_names(calls, 1, 100);
  const auto all = calls.list(1);
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), 102U);
  ASSERT_TRUE(client.walk(1, 2));
  ASSERT_TRUE(client.open(2, O_RDONLY));
  for (std::size_t i = all->size(); i-- > 0;) {
    const auto rest = client.readdir(2, (*all)[i].offset, 1000);
    ASSERT_TRUE(rest);
    if (i + 1 == all->size()) {
      EXPECT_TRUE(rest->empty());
    } else {
      ASSERT_FALSE(rest->empty());
      EXPECT_EQ(rest->front().name, (*all)[i + 1].name);
    }
  }
  EXPECT_EQ(client.readdir(2, 0, 1000)->front().name, all->front().name);
}

TEST_P(ReaddirPosix, RemovingWhatWasReadLosesNothing) {
  for (const std::uint32_t count : kCounts) {
    SCOPED_TRACE(count);
    ASSERT_TRUE(calls.mkdir("d"));
    ASSERT_TRUE(client.walk(0, 1, {"d"}));
    auto left = make_names(calls, 1, 150);
    ASSERT_TRUE(client.walk(1, 2));
    ASSERT_TRUE(client.open(2, O_RDONLY));
    for (std::uint64_t offset = 0;;) {
      const auto entries = client.readdir(2, offset, count);
      ASSERT_TRUE(entries);
      if (entries->empty()) {
        break;
      }
      for (const Entry& entry : *entries) {
        if (entry.name != "." && entry.name != "..") {
          EXPECT_TRUE(client.unlink(1, entry.name));
          EXPECT_EQ(left.erase(entry.name), 1U) << entry.name << " twice";
        }
      }
      offset = entries->back().offset;
    }
    EXPECT_TRUE(left.empty());
    EXPECT_TRUE(calls.remove(S_IFDIR, "d"));
    EXPECT_TRUE(client.readdir(2, 0, count)->empty());
  }
}

TEST_P(ReaddirPosix, OthersComeAndGoAndTheRestIsReadOnce) {
  ASSERT_TRUE(calls.mkdir("d"));
  ASSERT_TRUE(client.walk(0, 1, {"d"}));
  const auto stable = make_names(calls, 1, 300);
  const auto directory = served.path() / "d";
  std::jthread others([&](const std::stop_token& stop) {
    for (unsigned i = 0; !stop.stop_requested(); ++i) {
      write_host_file(directory / ("churn" + std::to_string(i % 500)), "");
      std::filesystem::remove(directory / ("churn" + std::to_string((i + 250) % 500)));
    }
  });
  for (int round = 0; round < 20; ++round) {
    auto seen = calls.names(1, round % 2 == 0 ? kLargestEntry : 5000);
    std::erase_if(seen, [](const std::string& name) { return name.starts_with("churn"); });
    EXPECT_EQ(seen, stable);
  }
}

TEST_P(ReaddirPosix, EntriesSayWhatGetattrSays) {
  ASSERT_TRUE(calls.mkdir("d"));
  ASSERT_TRUE(client.walk(0, 1, {"d"}));
  for (const std::uint32_t type : types()) {
    ASSERT_TRUE(calls.make(type, name_of_type(type), 1));
  }
  // And what the host puts there.
  const auto directory = served.path() / "d";
  write_host_file(directory / "host-file", "");
  std::filesystem::create_directory(directory / "host-directory");
  std::filesystem::create_symlink("x", directory / "host-symlink");
  ASSERT_EQ(::mkfifo((directory / "host-fifo").c_str(), 0600), 0);
  const auto entries = calls.list(1);
  ASSERT_TRUE(entries);
  EXPECT_EQ(entries->size(), types().size() + 6);
  for (const Entry& entry : *entries) {
    SCOPED_TRACE(entry.name);
    const bool is_up = entry.name == "..";
    const auto attr = is_up ? client.getattr(0) : calls.stat(entry.name, 1);
    EXPECT_EQ(std::uint32_t{entry.type} << 12U, attr->mode & S_IFMT);
    EXPECT_EQ(entry.qid, attr->qid);
  }
}

}  // namespace
}  // namespace nineroot::test
