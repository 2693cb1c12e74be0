// The stress program itself: that it finds what is wrong, shortens it, and finds nothing where both
// sides are right.
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/stress/contest.h"
#include "tests/stress/generator.h"
#include "tests/stress/minimise.h"

namespace nineroot::stress {
namespace {

constexpr std::size_t kOperations = 1500;

// The model is on a tmpfs, if there is one that keeps xattrs of users (Linux 6.6).
class Stress : public testing::Test {
 protected:
  Stress() : arena_{.tested = make("/var/tmp"), .model = make(place_of_model())} {}

  ~Stress() override {
    std::error_code none;
    std::filesystem::remove_all(arena_.tested, none);
    std::filesystem::remove_all(arena_.model, none);
  }

  static std::string make(const std::string& place) {
    std::string name = place + "/nineroot-stress-XXXXXX";
    return ::mkdtemp(name.data()) != nullptr ? name : "";
  }

  static std::string place_of_model() {
    const std::string probe = make("/dev/shm");
    const bool has_xattrs = ::setxattr(probe.c_str(), "user.probe", "x", 1, 0) == 0;
    ::rmdir(probe.c_str());
    return has_xattrs ? "/dev/shm" : "/var/tmp";
  }

  static Source random(std::uint64_t seed) {
    return [generator = Generator(seed), left = kOperations](const Side& model) mutable {
      return left-- > 0 ? std::optional(generator.next(model)) : std::nullopt;
    };
  }

  Arena arena_;
};

TEST_F(Stress, TwoLocalFileSystemsDoTheSame) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    const Outcome outcome = compete(arena_, random(seed));
    EXPECT_TRUE(outcome.is_equal) << "seed " << seed << ": " << outcome.difference;
    EXPECT_GT(outcome.done.size(), kOperations * 9 / 10);
  }
}

TEST_F(Stress, ASeedMeansTheSameOperationsAgain) {
  EXPECT_EQ(compete(arena_, random(7)).done, compete(arena_, random(7)).done);
}

// A model in which nobody may read the file f0, as if the tested file system gave it a wrong mode.
void change_mode_of_f0(const std::string& model) {
  ::chmod((model + "/f0").c_str(), 01000);
}

TEST_F(Stress, AWrongModeIsFoundAndTheTraceIsShort) {
  const Outcome outcome = compete(arena_, random(1), change_mode_of_f0);
  ASSERT_FALSE(outcome.is_equal);
  arena_.tree_interval = kOperations;
  const auto fails = [this](const std::vector<Operation>& some) {
    return !compete(arena_, source_of(some), change_mode_of_f0).is_equal;
  };
  const std::vector<Operation> shortest = minimise(outcome.done, fails, [] { return true; });
  EXPECT_LE(shortest.size(), 2U) << to_text(shortest);
  EXPECT_THAT(compete(arena_, source_of(shortest), change_mode_of_f0).difference,
              testing::HasSubstr("1000"));
}

TEST_F(Stress, OneWrongByteIsFound) {
  const std::vector<Operation> operations = *parse_operations(
      "open slot=0 path=f flags=0x42 mode=0x180\n"
      "pwrite slot=0 offset=4090 length=5000 value=3\n");
  EXPECT_TRUE(compete(arena_, source_of(operations)).is_equal);
  const auto flip = [](const std::string& model) {
    std::fstream file(model + "/f", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(5000);
    file.put('!');
  };
  const Outcome outcome = compete(arena_, source_of(operations), flip);
  EXPECT_FALSE(outcome.is_equal);
  EXPECT_THAT(outcome.difference, testing::HasSubstr("1/2/3/4/5/6/f"));
}

TEST_F(Stress, ACrashIsADifferenceWithItsTrace) {
  const std::vector<Operation> operations = *parse_operations("mkdir path=d mode=0x1c0\n");
  const Outcome outcome =
      compete(arena_, source_of(operations), [](const std::string&) { std::abort(); });
  EXPECT_FALSE(outcome.is_equal);
  EXPECT_THAT(outcome.difference, testing::HasSubstr("died"));
  EXPECT_EQ(outcome.done, operations);
}

TEST_F(Stress, OperationsComeBackFromText) {
  const std::vector<Operation> done = compete(arena_, random(3)).done;
  EXPECT_EQ(parse_operations(to_text(done)), done);
  EXPECT_FALSE(parse_operations("no_such_operation path=f\n"));
  EXPECT_FALSE(parse_operations("mkdir size=3\n"));
}

TEST(Minimise, LeavesWhatFailsTogether) {
  std::vector<Operation> operations(200);
  operations[17].path = "a";
  operations[160].path = "b";
  const auto fails = [](const std::vector<Operation>& some) {
    return std::ranges::count(some, "a", &Operation::path) > 0 &&
           std::ranges::count(some, "b", &Operation::path) > 0;
  };
  EXPECT_EQ(minimise(operations, fails, [] { return true; }),
            (std::vector<Operation>{operations[17], operations[160]}));
}

}  // namespace
}  // namespace nineroot::stress
