// What a person sees of long work: one line that is kept up to date on a terminal, plain lines at
// the start and the end of each phase elsewhere, or nothing.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace nineroot::vm {

class Progress {
 public:
  enum class Style { terminal, lines, quiet };

  /// terminal if standard error is one that can move its cursor, else lines.
  [[nodiscard]] static Style style_of_stderr(bool is_quiet);

  explicit Progress(Style style) : style_(style) {}

  /// Leaves the terminal's line clean.
  ~Progress() { clear(); }

  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Ends the present phase and begins another; `total_bytes` 0: not known.
  void begin(std::string phase, std::uint64_t total_bytes = 0);

  /// How far the phase is.  Cheap: draws a few times a second only.
  void update(std::uint64_t bytes, std::uint64_t entries = 0);

  /// Ends the present phase; on lines its result is printed.
  void end();

  /// A line of its own, whatever the style but quiet.
  void note(const std::string& text);

 private:
  using Clock = std::chrono::steady_clock;

  [[nodiscard]] std::string status(bool is_over) const;
  void draw();
  void clear();

  Style style_;
  std::string phase_;
  std::uint64_t total_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t entries_ = 0;
  Clock::time_point start_{};
  Clock::time_point drawn_{};
  bool is_drawn_ = false;
};

/// "512 B", "3.4 MiB", "1.2 GiB".
[[nodiscard]] std::string human_bytes(std::uint64_t bytes);

/// "45 s", "3 min 20 s".
[[nodiscard]] std::string human_seconds(double seconds);

}  // namespace nineroot::vm
