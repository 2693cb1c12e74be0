#include "vm/raw_terminal.h"

#include <sys/ioctl.h>

namespace nineroot::vm {

WindowSize window_size(int fd) {
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) != 0) {
    return {};
  }
  return {.rows = size.ws_row, .columns = size.ws_col};
}

RawTerminal::RawTerminal(int fd) : fd_(fd) {
  termios settings{};
  if (::tcgetattr(fd, &settings) != 0) {
    return;
  }
  before_ = settings;
  ::cfmakeraw(&settings);
  ::tcsetattr(fd, TCSADRAIN, &settings);
}

RawTerminal::~RawTerminal() {
  if (before_) {
    ::tcsetattr(fd_, TCSADRAIN, &*before_);
  }
}

}  // namespace nineroot::vm
