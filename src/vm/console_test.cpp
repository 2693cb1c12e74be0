#include "vm/console.h"

#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "storage/scratch_directory.h"

namespace nineroot::vm {
namespace {

TEST(EscapeKeys, PassEverythingButWhatFollowsCtrlA) {
  EscapeKeys keys;
  EXPECT_EQ(keys.filter("ls\r\x03\x1b[A").for_guest, "ls\r\x03\x1b[A");
  EXPECT_EQ(keys.filter("\x01").for_guest, "");
  const EscapeKeys::Typed quit = keys.filter("xy");
  EXPECT_EQ(quit.request, ConsoleRequest::quit);
  EXPECT_EQ(quit.for_guest, "y");
  EXPECT_EQ(keys.filter("\x01s").request, ConsoleRequest::shut_down);
  EXPECT_EQ(keys.filter("\x01\x01"
                        "b\x01"
                        "a")
                .for_guest,
            "\x01"
            "b\x01");
  EXPECT_TRUE(keys.filter("\x01h").wants_help);
  EXPECT_EQ(keys.filter("\x01q").for_guest, "");
  EXPECT_EQ(keys.filter("x").request, ConsoleRequest::nothing);
}

TEST(PanicWatch, FindsTheKernelsLastWordsInPiecesOfAnySize) {
  const std::string output =
      "[    1.0] Run /init\r\n[   12.345678] Kernel panic - not syncing: No working init\r\n[ 13] "
      "x";
  PanicWatch watch;
  for (const char c : output) {
    watch.see({&c, 1});
  }
  EXPECT_EQ(watch.panic(), "Kernel panic - not syncing: No working init");
  watch.forget();
  EXPECT_EQ(watch.panic(), "");
}

TEST(PanicWatch, FindsWhyOurInitGaveUp) {
  PanicWatch watch;
  watch.see("nineroot-init: warning: x\r\nnineroot-init: error: cannot start init=/x: no\r\n");
  EXPECT_EQ(watch.init_error(), "cannot start init=/x: no");
  EXPECT_EQ(watch.panic(), "");
}

TEST(PanicWatch, IsNotMisledByATextAboutPanics) {
  PanicWatch watch;
  watch.see("Kernel panic - not syncing: said a user\n");
  watch.see("[abc] Kernel panic - not syncing\n[1.0] found Kernel panic - not syncing\n");
  EXPECT_EQ(watch.panic(), "");
}

TEST(PanicWatch, MakesTheLineHarmlessForATerminal) {
  PanicWatch watch;
  watch.see("[1.0] Kernel panic - not syncing: \x1b]0;title\x07\n");
  EXPECT_EQ(watch.panic(), "Kernel panic - not syncing: ?]0;title?");
}

TEST(Console, WritesWhatTheGuestSaysIntoALogUpToItsEnd) {
  const storage::ScratchDirectory scratch;
  const std::filesystem::path file = scratch.path() / "console.log";
  Outcome<Console> console = Console::open(file);
  ASSERT_TRUE(console);
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  console->attach(UniqueFd(ends[0]));
  const std::string output(100000, 'o');
  ASSERT_EQ(::write(ends[1], output.data(), output.size()), static_cast<ssize_t>(output.size()));
  ::close(ends[1]);
  console->drain();
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  EXPECT_EQ(text.str(), output);
}

TEST(Console, SaysWhyALogCannotBeWritten) {
  const Outcome<Console> console = Console::open("/nonexistent/console.log");
  ASSERT_FALSE(console);
  EXPECT_EQ(console.error().what(), "cannot write the console's log /nonexistent/console.log");
}

}  // namespace
}  // namespace nineroot::vm
