// This process's terminal while a command in the guest has it.
#pragma once

#include <termios.h>

#include <cstdint>
#include <optional>

namespace nineroot::vm {

struct WindowSize {
  std::uint16_t rows = 0;
  std::uint16_t columns = 0;
};

/// Of the terminal `fd`; zeros if it is none.
[[nodiscard]] WindowSize window_size(int fd);

/// Keys go to the guest as they are until this goes.  Does nothing where `fd` is no terminal.
class RawTerminal {
 public:
  explicit RawTerminal(int fd);
  ~RawTerminal();
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;

 private:
  int fd_;
  std::optional<termios> before_;
};

}  // namespace nineroot::vm
