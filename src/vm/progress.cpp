#include "vm/progress.h"

#include <unistd.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include <fmt/format.h>

namespace nineroot::vm {
namespace {

constexpr std::chrono::milliseconds kBetweenDrawings{100};

/// Shorter phases say nothing about a rate.
constexpr double kLeastSeconds = 0.5;

void print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

}  // namespace

std::string human_bytes(std::uint64_t bytes) {
  constexpr std::array<const char*, 5> kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string human_seconds(double seconds) {
  const auto whole = static_cast<std::uint64_t>(std::lround(std::max(seconds, 0.0)));
  if (whole < 60) {
    return fmt::format("{} s", whole);
  }
  return fmt::format("{} min {} s", whole / 60, whole % 60);
}

Progress::Style Progress::style_of_stderr(bool is_quiet) {
  if (is_quiet) {
    return Style::quiet;
  }
  const char* terminal = std::getenv("TERM");
  const bool can_move = terminal != nullptr && std::string_view(terminal) != "dumb";
  return ::isatty(STDERR_FILENO) == 1 && can_move ? Style::terminal : Style::lines;
}

void Progress::begin(std::string phase, std::uint64_t total_bytes) {
  end();
  phase_ = std::move(phase);
  total_ = total_bytes;
  bytes_ = 0;
  entries_ = 0;
  start_ = Clock::now();
  if (style_ == Style::lines) {
    print(phase_ + " ...\n");
  } else if (style_ == Style::terminal) {
    draw();
  }
}

void Progress::update(std::uint64_t bytes, std::uint64_t entries) {
  bytes_ = bytes;
  entries_ = entries;
  if (style_ == Style::terminal && Clock::now() - drawn_ >= kBetweenDrawings) {
    draw();
  }
}

void Progress::end() {
  if (phase_.empty()) {
    return;
  }
  clear();
  if (style_ != Style::quiet) {
    print(phase_ + ": " + status(true) + "\n");
  }
  phase_.clear();
}

void Progress::note(const std::string& text) {
  if (style_ == Style::quiet) {
    return;
  }
  clear();
  print(text + "\n");
  if (style_ == Style::terminal && !phase_.empty()) {
    draw();
  }
}

std::string Progress::status(bool is_over) const {
  const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  std::string text;
  if (entries_ > 0) {
    text += fmt::format("{} entries, ", entries_);
  }
  if (bytes_ > 0) {
    text += human_bytes(bytes_);
    text += total_ > 0 && !is_over ? " of " + human_bytes(total_) : "";
    if (seconds > kLeastSeconds) {
      const double rate = static_cast<double>(bytes_) / seconds;
      text += fmt::format(", {}/s", human_bytes(static_cast<std::uint64_t>(rate)));
      if (total_ > bytes_ && !is_over) {
        return text + ", " + human_seconds(static_cast<double>(total_ - bytes_) / rate) + " left";
      }
    }
    text += ", ";
  }
  return text + human_seconds(seconds);
}

void Progress::draw() {
  print("\r\033[K" + phase_ + ": " + status(false));
  is_drawn_ = true;
  drawn_ = Clock::now();
}

void Progress::clear() {
  if (is_drawn_) {
    print("\r\033[K");
    is_drawn_ = false;
  }
}

}  // namespace nineroot::vm
