// The two parts of the console that look at its bytes: the keys behind Ctrl-A, and the kernel's
// last words.
#include <algorithm>

#include "vm/console.h"

namespace nineroot::vm {
namespace {

constexpr char kEscape = 0x01;  // Ctrl-A, as in QEMU's own console.
constexpr std::string_view kPanic = "Kernel panic - not syncing";
// How src/guest/report.cpp begins the line of an error that ends the boot.
constexpr std::string_view kInitError = "nineroot-init: error: ";
// A kernel's line is under 1 KiB; a guest that never ends a line must not fill our memory.
constexpr std::size_t kLongestLine = 4096;

// "[   12.345678] " in front of a kernel's line; empty if `line` does not begin so.  Without it a
// guest that prints a text about panics would be taken for a dead one.
std::size_t length_of_time_stamp(std::string_view line) {
  if (line.empty() || line[0] != '[') {
    return 0;
  }
  const std::size_t end = line.find("] ");
  if (end == std::string_view::npos) {
    return 0;
  }
  const bool is_time = std::ranges::all_of(line.substr(1, end - 1), [](char c) {
    return (c >= '0' && c <= '9') || c == ' ' || c == '.';
  });
  return is_time ? end + 2 : 0;
}

// What goes on to a terminal: only the printable letters of a guest may.
std::string printable(std::string_view text) {
  std::string plain(text);
  while (plain.ends_with('\r')) {
    plain.pop_back();
  }
  std::ranges::replace_if(plain, [](char c) { return c < ' ' || c > '~'; }, '?');
  return plain;
}

}  // namespace

void PanicWatch::see(std::string_view output) {
  for (std::size_t end = output.find('\n'); end != std::string_view::npos;
       end = output.find('\n')) {
    line_.append(output.substr(0, end));
    see_line(line_);
    line_.clear();
    output.remove_prefix(end + 1);
  }
  if (line_.size() < kLongestLine) {
    line_.append(output);
  }
}

void PanicWatch::see_line(std::string_view line) {
  const std::size_t start = length_of_time_stamp(line);
  if (start != 0 && line.substr(start).starts_with(kPanic) && panic_.empty()) {
    panic_ = printable(line.substr(start));
  } else if (line.starts_with(kInitError) && init_error_.empty()) {
    init_error_ = printable(line.substr(kInitError.size()));
  }
}

EscapeKeys::Typed EscapeKeys::filter(std::string_view keys) {
  Typed typed;
  for (const char key : keys) {
    if (!is_escaped_) {
      is_escaped_ = key == kEscape;
      if (!is_escaped_) {
        typed.for_guest += key;
      }
      continue;
    }
    is_escaped_ = false;
    switch (key) {
      case 'x':
        typed.request = ConsoleRequest::quit;
        break;
      case 's':
        typed.request = ConsoleRequest::shut_down;
        break;
      case 'h':
      case '?':
        typed.wants_help = true;
        break;
      case 'a':
      case kEscape:
        typed.for_guest += kEscape;
        break;
      default:
        break;
    }
  }
  return typed;
}

}  // namespace nineroot::vm
