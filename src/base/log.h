// One line per event on standard error.  Levels: error (a person should act), warn (something odd
// that was survived), info (what a person wants to see), debug.
#pragma once

#include <string_view>

#include <fmt/format.h>

namespace nineroot::log {

enum class Level { debug, info, warn, error };

/// Events below `level` are dropped; the start value is info.
void set_level(Level level);

/// Writes one line, "nineroot: <level>: <text>"; from any thread.
void write(Level level, std::string_view text);

template <class... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::error, fmt::format(format, std::forward<Args>(args)...));
}

template <class... Args>
void warn(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::warn, fmt::format(format, std::forward<Args>(args)...));
}

template <class... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::info, fmt::format(format, std::forward<Args>(args)...));
}

template <class... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::debug, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace nineroot::log
