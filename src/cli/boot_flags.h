// The options that `boot` and `run` share.
#pragma once

#include <string>
#include <vector>

#include "base/failure.h"
#include "vm/boot_options.h"

namespace CLI {
class App;
}

namespace nineroot::cli {

/// What was typed, before it means anything.
struct BootFlags {
  std::string memory;
  std::uint32_t cpus = 0;
  std::vector<std::string> ports;
  vm::BootOptions options;
};

/// `flags` must live as long as `verb`.
void add_boot_flags(CLI::App& verb, BootFlags& flags);

/// The options that the flags stand for; a usage failure for what is not a size or a port.
Outcome<vm::BootOptions> boot_options(const BootFlags& flags);

}  // namespace nineroot::cli
