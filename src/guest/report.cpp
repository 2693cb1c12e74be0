#include "guest/report.h"

#include <sys/reboot.h>
#include <termios.h>
#include <unistd.h>

#include <cstring>

namespace nineroot::guest {

std::string error_text(int code) {
  const char* text = strerrordesc_np(code);
  return text != nullptr ? std::string(text) : "error " + std::to_string(code);
}

void say(std::string_view text) {
  std::string line = "nineroot-init: ";
  line += text;
  line += '\n';
  std::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t written = write(STDERR_FILENO, rest.data(), rest.size());
    if (written <= 0) {
      return;
    }
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
}

void give_up(std::string_view text) {
  say("error: " + std::string(text));
  say("powering off");
  tcdrain(STDERR_FILENO);
  sync();
  reboot(RB_POWER_OFF);
  // Without ACPI there is no power to switch off, but the processor can stop.
  reboot(RB_HALT_SYSTEM);
  _exit(1);
}

}  // namespace nineroot::guest
