#include "vm/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nineroot::vm {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Progress, PrintsALineAtBothEndsOfAPhase) {
  testing::internal::CaptureStderr();
  {
    Progress progress(Progress::Style::lines);
    progress.begin("importing");
    progress.update(1 << 20, 7);
    progress.update(3 << 20, 9);
    progress.begin("tidying up");
    progress.end();
    progress.note("done");
  }
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_THAT(text, testing::StartsWith("importing ...\nimporting: 9 entries, 3.0 MiB, "));
  EXPECT_THAT(text, testing::EndsWith("done\n"));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 5);
  EXPECT_THAT(text, Not(HasSubstr("\r")));
}

TEST(Progress, KeepsOneLineOnATerminal) {
  testing::internal::CaptureStderr();
  {
    Progress progress(Progress::Style::terminal);
    progress.begin("importing", 100 << 20);
    progress.update(50 << 20);
  }
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_THAT(text, HasSubstr("\r\033[Kimporting: "));
  EXPECT_THAT(text, testing::EndsWith("\r\033[K"));
  EXPECT_THAT(text, Not(HasSubstr("\n")));
}

TEST(Progress, IsSilentWhenQuiet) {
  testing::internal::CaptureStderr();
  {
    Progress progress(Progress::Style::quiet);
    progress.begin("importing");
    progress.end();
    progress.note("done");
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(HumanNumbers, AreShort) {
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(1023), "1023 B");
  EXPECT_EQ(human_bytes(1536), "1.5 KiB");
  EXPECT_EQ(human_bytes(3ULL << 30), "3.0 GiB");
  EXPECT_EQ(human_seconds(-1), "0 s");
  EXPECT_EQ(human_seconds(59.4), "59 s");
  EXPECT_EQ(human_seconds(200), "3 min 20 s");
}

}  // namespace
}  // namespace nineroot::vm
